import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.internals.ConsumerProtocol;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.coordinator.common.runtime.CoordinatorRecord;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordSerde;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupCurrentMemberAssignmentKey;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupCurrentMemberAssignmentValue;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupMemberMetadataKey;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupMemberMetadataValue;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupMetadataKey;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupMetadataValue;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupPartitionMetadataKey;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupPartitionMetadataValue;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupRegularExpressionKey;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupRegularExpressionValue;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupTargetAssignmentMemberKey;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupTargetAssignmentMemberValue;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupTargetAssignmentMetadataKey;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupTargetAssignmentMetadataValue;
import org.apache.kafka.coordinator.group.generated.GroupMetadataKey;
import org.apache.kafka.coordinator.group.generated.GroupMetadataValue;
import org.apache.kafka.coordinator.group.generated.LegacyOffsetCommitKey;
import org.apache.kafka.coordinator.group.generated.LegacyOffsetCommitValue;
import org.apache.kafka.coordinator.group.generated.OffsetCommitKey;
import org.apache.kafka.coordinator.group.generated.OffsetCommitValue;
import org.apache.kafka.server.common.ApiMessageAndVersion;

/**
 * Prints what Kafka's own code writes: records of __consumer_offsets in every version of every kind, and the consumer protocol's messages.
 * One a line, "NAME HEX" or "NAME KEY_HEX VALUE_HEX" ("-" = a tombstone); test/protocol/group reads it from group-messages.java.hex.
 */
public class GroupMessages {
    private static final Uuid TOPIC_ID = Uuid.fromString("AQIDBAUGBwgJCgsMDQ4PEA");
    private static final GroupCoordinatorRecordSerde SERDE = new GroupCoordinatorRecordSerde();

    public static void main(String[] args) {
        classic();
        consumer();
        protocol();
    }

    private static void classic() {
        record("legacy-offset-commit-v0", new LegacyOffsetCommitKey().setGroup("g").setTopic("t").setPartition(3), 0,
            new LegacyOffsetCommitValue().setOffset(42).setMetadata("m").setCommitTimestamp(1700000000000L));
        OffsetCommitKey key = new OffsetCommitKey().setGroup("g").setTopic("t").setPartition(3);
        for (int version = 0; version <= 4; version++) {
            record("offset-commit-v" + version, key, version, new OffsetCommitValue().setOffset(42).setLeaderEpoch(5).setMetadata("m")
                .setCommitTimestamp(1700000000000L).setExpireTimestamp(1700000000001L).setTopicId(TOPIC_ID));
        }
        record("offset-commit-v4-without-id", key, 4,
            new OffsetCommitValue().setOffset(42).setLeaderEpoch(5).setMetadata("m").setCommitTimestamp(1700000000000L));
        tombstone("offset-commit-tombstone", key);
        GroupMetadataKey group = new GroupMetadataKey().setGroup("g");
        for (int version = 0; version <= 4; version++) {
            record("group-metadata-v" + version, group, version, new GroupMetadataValue().setProtocolType("consumer").setGeneration(7)
                .setProtocol("range").setLeader("a-1").setCurrentStateTimestamp(1700000000002L).setMembers(List.of(
                    new GroupMetadataValue.MemberMetadata().setMemberId("a-1").setGroupInstanceId("i-1").setClientId("a")
                        .setClientHost("/1.2.3.4").setRebalanceTimeout(300000).setSessionTimeout(45000)
                        .setSubscription(utf8("subscription")).setAssignment(utf8("assignment")))));
        }
        record("group-metadata-v3-empty", group, 3, new GroupMetadataValue().setProtocolType("").setGeneration(0).setProtocol(null)
            .setLeader(null).setCurrentStateTimestamp(1700000000002L).setMembers(List.of()));
        tombstone("group-metadata-tombstone", group);
    }

    private static void consumer() {
        record("consumer-group-metadata", new ConsumerGroupMetadataKey().setGroupId("g"), 0,
            new ConsumerGroupMetadataValue().setEpoch(9).setMetadataHash(-2));
        record("consumer-group-metadata-without-hash", new ConsumerGroupMetadataKey().setGroupId("g"), 0,
            new ConsumerGroupMetadataValue().setEpoch(9));
        record("consumer-group-partition-metadata", new ConsumerGroupPartitionMetadataKey().setGroupId("g"), 0,
            new ConsumerGroupPartitionMetadataValue().setTopics(List.of(new ConsumerGroupPartitionMetadataValue.TopicMetadata()
                .setTopicId(TOPIC_ID).setTopicName("t").setNumPartitions(2).setPartitionMetadata(List.of(
                    new ConsumerGroupPartitionMetadataValue.PartitionMetadata().setPartition(1).setRacks(List.of("r")))))));
        tombstone("consumer-group-partition-metadata-tombstone", new ConsumerGroupPartitionMetadataKey().setGroupId("g"));
        ConsumerGroupMemberMetadataValue member = new ConsumerGroupMemberMetadataValue().setInstanceId("i").setRackId("r").setClientId("c")
            .setClientHost("/1.2.3.4").setSubscribedTopicNames(List.of("t", "u")).setSubscribedTopicRegex("x.*").setRebalanceTimeoutMs(300000)
            .setServerAssignor("uniform");
        ConsumerGroupMemberMetadataKey memberKey = new ConsumerGroupMemberMetadataKey().setGroupId("g").setMemberId("m");
        record("consumer-group-member-metadata", memberKey, 0, member);
        record("consumer-group-member-metadata-classic", memberKey, 0, member.duplicate().setInstanceId(null).setRackId(null)
            .setSubscribedTopicRegex(null).setServerAssignor(null)
            .setClassicMemberMetadata(new ConsumerGroupMemberMetadataValue.ClassicMemberMetadata().setSessionTimeoutMs(45000)
                .setSupportedProtocols(List.of(
                    new ConsumerGroupMemberMetadataValue.ClassicProtocol().setName("range").setMetadata(utf8("metadata"))))));
        ConsumerGroupTargetAssignmentMetadataKey targetKey = new ConsumerGroupTargetAssignmentMetadataKey().setGroupId("g");
        record("consumer-group-target-assignment-metadata", targetKey, 0,
            new ConsumerGroupTargetAssignmentMetadataValue().setAssignmentEpoch(9).setAssignmentTimestamp(1700000000003L));
        record("consumer-group-target-assignment-metadata-without-time", targetKey, 0,
            new ConsumerGroupTargetAssignmentMetadataValue().setAssignmentEpoch(9));
        record("consumer-group-target-assignment-member",
            new ConsumerGroupTargetAssignmentMemberKey().setGroupId("g").setMemberId("m"), 0,
            new ConsumerGroupTargetAssignmentMemberValue().setTopicPartitions(List.of(
                new ConsumerGroupTargetAssignmentMemberValue.TopicPartition().setTopicId(TOPIC_ID).setPartitions(List.of(0, 2)))));
        record("consumer-group-current-member-assignment",
            new ConsumerGroupCurrentMemberAssignmentKey().setGroupId("g").setMemberId("m"), 0,
            new ConsumerGroupCurrentMemberAssignmentValue().setMemberEpoch(9).setPreviousMemberEpoch(8).setState((byte) 1)
                .setAssignedPartitions(List.of(new ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions()
                    .setTopicId(TOPIC_ID).setPartitions(List.of(0, 2)).setAssignmentEpochs(List.of(7, 9))))
                .setPartitionsPendingRevocation(List.of(new ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions()
                    .setTopicId(TOPIC_ID).setPartitions(List.of(1)))));
        record("consumer-group-regular-expression",
            new ConsumerGroupRegularExpressionKey().setGroupId("g").setRegularExpression("x.*"), 0,
            new ConsumerGroupRegularExpressionValue().setTopics(List.of("x", "xy")).setVersion(12).setTimestamp(1700000000004L));
    }

    private static void protocol() {
        Subscription subscription = new Subscription(List.of("u", "t"), ByteBuffer.wrap(utf8("data")),
            List.of(new TopicPartition("u", 1), new TopicPartition("t", 2), new TopicPartition("t", 0)), 6, Optional.of("r"));
        Assignment assignment = new Assignment(List.of(new TopicPartition("u", 1), new TopicPartition("t", 2), new TopicPartition("t", 0)),
            ByteBuffer.wrap(utf8("data")));
        for (short version = 0; version <= 3; version++) {
            print("subscription-v" + version, ConsumerProtocol.serializeSubscription(subscription, version));
            print("assignment-v" + version, ConsumerProtocol.serializeAssignment(assignment, version));
        }
        print("subscription-bare", ConsumerProtocol.serializeSubscription(new Subscription(List.of("t"))));
        print("assignment-empty", ConsumerProtocol.serializeAssignment(new Assignment(List.of())));
    }

    private static void record(String name, ApiMessage key, int version, ApiMessage value) {
        CoordinatorRecord record = CoordinatorRecord.record(key, new ApiMessageAndVersion(value, (short) version));
        System.out.println(name + " " + hex(SERDE.serializeKey(record)) + " " + hex(SERDE.serializeValue(record)));
    }

    private static void tombstone(String name, ApiMessage key) {
        System.out.println(name + " " + hex(SERDE.serializeKey(CoordinatorRecord.tombstone(key))) + " -");
    }

    private static void print(String name, ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        System.out.println(name + " " + hex(bytes));
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }
}
