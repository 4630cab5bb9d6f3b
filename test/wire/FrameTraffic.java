import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.ListConfigResourcesOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionReplica;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Makes the Java client send every API that streamctl serves, answers with errors included. What fails is printed and passed over. */
public class FrameTraffic {
    private static final String TOPIC = "frames-" + ProcessHandle.current().pid();

    public static void main(String[] args) throws Exception {
        Map<String, Object> common = Map.of("bootstrap.servers", args[0], "client.id", "frame-traffic", "request.timeout.ms", "5000",
            "default.api.timeout.ms", "8000");
        try (Admin admin = Admin.create(common)) {
            create(admin);
            for (Map<String, Object> extra : List.<Map<String, Object>>of(Map.of("acks", "all", "compression.type", "gzip"),
                Map.of("acks", "1", "enable.idempotence", "false"))) {
                attempt("produce", () -> produce(common, extra));
            }
            for (String isolation : List.of("read_uncommitted", "read_committed")) {
                attempt("consume", () -> consume(common, isolation));
            }
            describe(admin);
            manage(common, admin);
            delete(admin);
        }
    }

    private static void create(Admin admin) {
        NewTopic topic = new NewTopic(TOPIC, 2, (short) 1).configs(Map.of("segment.bytes", "1048576", "retention.ms", "600000"));
        attempt("create", () -> admin.createTopics(List.of(topic)).all().get());
        attempt("create again", () -> admin.createTopics(List.of(topic, new NewTopic("bad name", 1, (short) 1))).all().get());
        attempt("create assigned", () -> admin.createTopics(List.of(new NewTopic(TOPIC + "-assigned", Map.of(0, List.of(1), 1, List.of(1)))),
            new CreateTopicsOptions().validateOnly(true)).all().get());
        attempt("create assigned, old", () -> admin.createTopics(
            List.of(new NewTopic(TOPIC + "-assigned", Map.of(0, List.of(1), 1, List.of(1))))).all().get());
        attempt("partitions", () -> admin.createPartitions(Map.of(TOPIC, NewPartitions.increaseTo(3))).all().get());
        attempt("partitions assigned", () -> admin.createPartitions(Map.of(TOPIC, NewPartitions.increaseTo(4, List.of(List.of(1))))).all().get());
        attempt("fewer partitions", () -> admin.createPartitions(Map.of(TOPIC, NewPartitions.increaseTo(1))).all().get());
    }

    private static Object produce(Map<String, Object> common, Map<String, Object> extra) throws Exception {
        Map<String, Object> settings = new HashMap<>(common);
        settings.putAll(extra);
        settings.put("delivery.timeout.ms", "8000");
        settings.put("linger.ms", "20");
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < 4; i++) {
                ProducerRecord<String, String> record = new ProducerRecord<>(TOPIC, i % 2, i == 3 ? null : "k" + i, "value-" + i);
                if (i == 1) {
                    record.headers().add(new RecordHeader("h", "v".getBytes(StandardCharsets.UTF_8)));
                }
                producer.send(record);
            }
            producer.flush();
            return producer.send(new ProducerRecord<>(TOPIC, 0, 1L, "k", "from 1970")).get();
        }
    }

    private static Object consume(Map<String, Object> common, String isolation) {
        Map<String, Object> settings = new HashMap<>(common);
        settings.put("isolation.level", isolation);
        settings.put("auto.offset.reset", "earliest");
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            List<TopicPartition> partitions = List.of(new TopicPartition(TOPIC, 0), new TopicPartition(TOPIC, 1));
            consumer.assign(partitions);
            consumer.seek(partitions.get(0), 0);
            consumer.seek(partitions.get(1), 0);
            for (int i = 0; i < 4; i++) {
                consumer.poll(Duration.ofMillis(300));
            }
            consumer.seek(partitions.get(0), 1000);
            consumer.poll(Duration.ofMillis(700));
            consumer.assign(partitions.subList(1, 2));
            consumer.poll(Duration.ofMillis(700));
            return consumer.endOffsets(partitions);
        }
    }

    private static void describe(Admin admin) {
        attempt("cluster", () -> admin.describeCluster().nodes().get());
        attempt("cluster, more", () -> admin.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true)
            .includeFencedBrokers(true)).authorizedOperations().get());
        attempt("topics", () -> admin.describeTopics(List.of(TOPIC, "no-such-topic")).allTopicNames().get());
        attempt("topic list", () -> admin.listTopics().names().get());
        for (OffsetSpec spec : List.of(OffsetSpec.earliest(), OffsetSpec.latest(), OffsetSpec.maxTimestamp(), OffsetSpec.forTimestamp(5))) {
            attempt("offsets", () -> admin.listOffsets(Map.of(new TopicPartition(TOPIC, 0), spec)).all().get());
        }
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, TOPIC);
        ConfigResource absent = new ConfigResource(ConfigResource.Type.TOPIC, "no-such-topic");
        Collection<AlterConfigOp> operations = List.of(
            new AlterConfigOp(new ConfigEntry(TopicConfig.RETENTION_MS_CONFIG, "1234567"), AlterConfigOp.OpType.SET),
            new AlterConfigOp(new ConfigEntry(TopicConfig.SEGMENT_BYTES_CONFIG, ""), AlterConfigOp.OpType.DELETE));
        attempt("alter", () -> admin.incrementalAlterConfigs(Map.of(resource, operations)).all().get());
        attempt("alter absent", () -> admin.incrementalAlterConfigs(Map.of(absent, operations)).all().get());
        for (boolean more : List.of(false, true)) {
            DescribeConfigsOptions options = new DescribeConfigsOptions().includeSynonyms(more).includeDocumentation(more);
            attempt("configs", () -> admin.describeConfigs(List.of(resource), options).all().get());
            attempt("configs of an absent one", () -> admin.describeConfigs(List.of(absent), options).all().get());
        }
    }

    private static void manage(Map<String, Object> common, Admin admin) {
        TopicPartition partition = new TopicPartition(TOPIC, 0);
        TopicPartition absent = new TopicPartition("no-such-topic", 0);
        attempt("producers", () -> admin.describeProducers(List.of(partition)).all().get());
        attempt("log directories", () -> admin.describeLogDirs(List.of(1)).allDescriptions().get());
        attempt("replica log directories", () -> admin.describeReplicaLogDirs(List.of(new TopicPartitionReplica(TOPIC, 0, 1))).all().get());
        attempt("delete records", () -> admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(1))).all().get());
        attempt("delete too many records", () -> admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(100))).all().get());
        for (ElectionType type : ElectionType.values()) {
            attempt("elect", () -> admin.electLeaders(type, Set.of(partition, absent)).all().get());
            attempt("elect all", () -> admin.electLeaders(type, null).all().get());
        }
        attempt("resources", () -> admin.listConfigResources().all().get());
        attempt("resources of a type", () -> admin.listConfigResources(Set.of(ConfigResource.Type.TOPIC, ConfigResource.Type.BROKER),
            new ListConfigResourcesOptions()).all().get());
        attempt("pages", () -> admin.describeTopics(List.of(TOPIC, "no-such-topic"),
            new DescribeTopicsOptions().partitionSizeLimitPerResponse(1).includeAuthorizedOperations(true)).allTopicNames().get());
        attempt("checked position", () -> checkPosition(common, partition));
    }

    /** A position with a leader epoch is compared with the leader's before anything is fetched. */
    private static Object checkPosition(Map<String, Object> common, TopicPartition partition) {
        Map<String, Object> settings = new HashMap<>(common);
        settings.put("auto.offset.reset", "none");
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, new OffsetAndMetadata(1, Optional.of(0), ""));
            return consumer.poll(Duration.ofMillis(700)).count();
        }
    }

    private static void delete(Admin admin) {
        attempt("delete", () -> admin.deleteTopics(Set.of(TOPIC + "-assigned", "no-such-topic")).all().get());
        attempt("delete by id", () -> admin.deleteTopics(TopicCollection.ofTopicIds(List.of(Uuid.randomUuid()))).all().get());
        attempt("delete last", () -> admin.deleteTopics(Set.of(TOPIC)).all().get());
    }

    private static void attempt(String what, Callable<Object> action) {
        try {
            action.call();
        } catch (Exception e) {
            System.out.println(what + ": " + e);
        }
    }
}
