import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeConsumerGroupsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListGroupsOptions;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Makes the Java client send every API of groups, as a member and as an admin, errors included. What fails is printed and passed over. */
public class GroupTraffic {
    private static final String RUN = "" + ProcessHandle.current().pid();
    private static final String TOPIC = "groups-" + RUN;

    public static void main(String[] args) throws Exception {
        Map<String, Object> common = Map.of("bootstrap.servers", args[0], "client.id", "group-traffic", "request.timeout.ms", "8000",
            "default.api.timeout.ms", "10000");
        try (Admin admin = Admin.create(common)) {
            attempt("create", () -> admin.createTopics(List.of(new NewTopic(TOPIC, 2, (short) 1))).all().get());
            try (KafkaProducer<String, String> producer = new KafkaProducer<>(common, new StringSerializer(), new StringSerializer())) {
                for (int i = 0; i < 10; i++) {
                    producer.send(new ProducerRecord<>(TOPIC, i % 2, "k", "v" + i));
                }
            }
            Map<String, Object> settings = new HashMap<>(common);
            settings.putAll(Map.of("auto.offset.reset", "earliest", "enable.auto.commit", "false"));
            group(admin, "range-" + RUN, with(settings, "partition.assignment.strategy", RangeAssignor.class.getName(), "client.rack", "r"));
            group(admin, "cooperative-" + RUN,
                with(settings, "partition.assignment.strategy", CooperativeStickyAssignor.class.getName(), "group.instance.id", "instance"));
            group(admin, "consumer-" + RUN, with(settings, "group.protocol", "consumer", "group.remote.assignor", "range"));
            delete(admin, List.of("range-" + RUN, "cooperative-" + RUN, "consumer-" + RUN));
        }
    }

    /** Two members come one after the other, commit and are looked at; one leaves, the other is removed where it is static. */
    private static void group(Admin admin, String groupId, Map<String, Object> settings) {
        List<KafkaConsumer<String, String>> members = new ArrayList<>();
        attempt(groupId, () -> {
            for (int i = 0; i < 2; i++) {
                Map<String, Object> own = with(settings, "group.id", groupId, "client.id", "group-traffic-" + i);
                own.computeIfPresent("group.instance.id", (name, value) -> value + "-" + members.size());
                KafkaConsumer<String, String> member = new KafkaConsumer<>(own, new StringDeserializer(), new StringDeserializer());
                members.add(member);
                member.subscribe(List.of(TOPIC));
                for (int poll = 0; poll < 6; poll++) {
                    for (KafkaConsumer<String, String> each : members) {
                        each.poll(Duration.ofMillis(400));
                        attempt("commit", () -> commit(each));
                    }
                }
            }
            TopicPartition partition = new TopicPartition(TOPIC, 0);
            attempt("stray commit", () -> strayCommit(settings, groupId, partition));
            describe(admin, groupId);
            offsets(admin, groupId, partition);
            attempt("remove", () -> admin.removeMembersFromConsumerGroup(groupId,
                new RemoveMembersFromConsumerGroupOptions(Set.of(new MemberToRemove("instance-0"), new MemberToRemove("nobody")))).all().get());
            return null;
        });
        members.forEach(KafkaConsumer::close);
        attempt("alter", () -> admin.alterConsumerGroupOffsets(groupId,
            Map.of(new TopicPartition(TOPIC, 1), new OffsetAndMetadata(2, Optional.empty(), "by hand"))).all().get());
        attempt("delete offsets", () -> admin.deleteConsumerGroupOffsets(groupId,
            Set.of(new TopicPartition(TOPIC, 0), new TopicPartition("no-such-topic", 0))).all().get());
    }

    private static Object commit(KafkaConsumer<String, String> consumer) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (TopicPartition partition : consumer.assignment()) {
            offsets.put(partition, new OffsetAndMetadata(consumer.position(partition), Optional.of(0), "metadata"));
        }
        consumer.commitSync(offsets);
        return consumer.committed(Set.of(new TopicPartition(TOPIC, 0), new TopicPartition(TOPIC, 1)));
    }

    /** A consumer that is no member commits for a group that has members. */
    private static Object strayCommit(Map<String, Object> settings, String groupId, TopicPartition partition) {
        Map<String, Object> own = with(settings, "group.id", groupId);
        own.remove("group.instance.id");
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(own, new StringDeserializer(), new StringDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.poll(Duration.ofMillis(400));
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(1)));
            return null;
        }
    }

    private static void describe(Admin admin, String groupId) {
        attempt("describe", () -> admin.describeConsumerGroups(List.of(groupId)).all().get());
        attempt("describe, more", () -> admin.describeConsumerGroups(List.of(groupId, "no-such-group"),
            new DescribeConsumerGroupsOptions().includeAuthorizedOperations(true)).all().get());
        attempt("describe classic", () -> admin.describeClassicGroups(List.of(groupId, "no-such-group")).all().get());
        attempt("list", () -> admin.listGroups().all().get());
        attempt("list some", () -> admin.listGroups(new ListGroupsOptions().withTypes(Set.of(GroupType.CLASSIC, GroupType.CONSUMER))
            .inGroupStates(Set.of(GroupState.STABLE))).all().get());
    }

    private static void offsets(Admin admin, String groupId, TopicPartition partition) {
        TopicPartition absent = new TopicPartition("no-such-topic", 7);
        attempt("offsets", () -> admin.listConsumerGroupOffsets(groupId).all().get());
        attempt("offsets of two", () -> admin.listConsumerGroupOffsets(Map.of(groupId, new ListConsumerGroupOffsetsSpec(),
            "no-such-group", new ListConsumerGroupOffsetsSpec().topicPartitions(List.of(partition, absent)))).all().get());
        attempt("offsets of one partition", () -> admin.listConsumerGroupOffsets(
            Map.of(groupId, new ListConsumerGroupOffsetsSpec().topicPartitions(List.of(partition)))).all().get());
        attempt("delete offsets that are in use", () -> admin.deleteConsumerGroupOffsets(groupId, Set.of(partition)).all().get());
        attempt("delete a group in use", () -> admin.deleteConsumerGroups(List.of(groupId)).all().get());
    }

    private static void delete(Admin admin, List<String> groupIds) {
        attempt("describe empty", () -> admin.describeConsumerGroups(groupIds).all().get());
        attempt("delete", () -> admin.deleteConsumerGroups(groupIds).all().get());
        attempt("delete again", () -> admin.deleteConsumerGroups(groupIds).all().get());
        attempt("delete topic", () -> admin.deleteTopics(Set.of(TOPIC)).all().get());
    }

    private static Map<String, Object> with(Map<String, Object> settings, Object... more) {
        Map<String, Object> result = new HashMap<>(settings);
        for (int i = 0; i < more.length; i += 2) {
            result.put((String) more[i], more[i + 1]);
        }
        return result;
    }

    private static void attempt(String what, Callable<Object> action) {
        try {
            action.call();
        } catch (Exception e) {
            System.out.println(what + ": " + e);
        }
    }
}
