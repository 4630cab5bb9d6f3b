import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.ListConfigResourcesOptions;
import org.apache.kafka.clients.admin.LogDirDescription;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.ProducerState;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** The admin calls that no command line tool makes: BOOTSTRAP. Exits 1 where an answer is not what it must be. */
public class AdminCalls {
    public static void main(String[] args) throws Exception {
        Map<String, Object> common = Map.of("bootstrap.servers", args[0]);
        try (Admin admin = Admin.create(common)) {
            admin.createTopics(List.of(new NewTopic("calls", 5, (short) 1), new NewTopic("calls-other", 3, (short) 1))).all().get();
            TopicPartition partition = new TopicPartition("calls", 0);
            try (KafkaProducer<String, String> producer = new KafkaProducer<>(common, new StringSerializer(), new StringSerializer())) {
                for (int i = 0; i < 3; i++) {
                    producer.send(new ProducerRecord<>("calls", 0, null, "v" + i)).get();
                }
                List<ProducerState> states = admin.describeProducers(List.of(partition)).all().get().get(partition).activeProducers();
                expect("one producer, at sequence 2", states.size() == 1 && states.get(0).lastSequence() == 2);
            }
            Map<String, TopicDescription> topics = admin.describeTopics(List.of("calls", "calls-other"),
                new DescribeTopicsOptions().partitionSizeLimitPerResponse(2)).allTopicNames().get();
            expect("8 partitions over pages of 2", topics.values().stream().mapToInt(topic -> topic.partitions().size()).sum() == 8);
            Set<ConfigResource.Type> types = Set.of(ConfigResource.Type.TOPIC, ConfigResource.Type.BROKER);
            Set<String> resources = admin.listConfigResources(types, new ListConfigResourcesOptions())
                .all().get().stream().map(ConfigResource::name).collect(Collectors.toCollection(TreeSet::new));
            expect("resources " + resources, resources.containsAll(List.of("1", "calls", "calls-other")));
            LogDirDescription dir = admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1).values().iterator().next();
            expect("room in the log directory", dir.totalBytes().getAsLong() >= dir.usableBytes().getAsLong() && dir.usableBytes().getAsLong() > 0);
            seekWithEpoch(common, partition);
            Uuid id = topics.get("calls-other").topicId();
            admin.deleteTopics(TopicCollection.ofTopicIds(List.of(id))).all().get();
            expect("deleted by id", !admin.listTopics().names().get().contains("calls-other"));
        }
    }

    /** A position with a leader epoch is checked with the leader before anything is fetched. */
    private static void seekWithEpoch(Map<String, Object> common, TopicPartition partition) {
        Map<String, Object> settings = new HashMap<>(common);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, new OffsetAndMetadata(1, Optional.of(0), ""));
            int count = 0;
            for (int i = 0; i < 50 && count < 2; i++) {
                count += consumer.poll(Duration.ofMillis(200)).count();
            }
            expect("2 records after a checked position", count == 2);
        }
    }

    private static void expect(String what, boolean holds) {
        System.out.println((holds ? "ok: " : "NOT: ") + what);
        if (!holds) {
            System.exit(1);
        }
    }
}
