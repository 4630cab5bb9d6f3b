import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The Java client against a broker: admin calls, an idempotent producer with each codec, a consumer by assignment.
 * Prints one line for each thing that held; exits 1 at the first that did not.
 */
public class AssignRoundTrip {
    public static void main(String[] args) throws Exception {
        String bootstrap = args[0];
        int count = Integer.parseInt(args[1]);
        try (Admin admin = Admin.create(properties(bootstrap))) {
            for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
                String topic = "java-" + codec;
                admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1).configs(Map.of("segment.bytes", "1048576"))))
                    .all().get();
                produce(bootstrap, topic, codec, count);
                consume(bootstrap, topic, count);
                System.out.println("round trip with " + codec);
            }
            admin(admin);
        }
    }

    private static Properties properties(String bootstrap) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        return properties;
    }

    private static void produce(String bootstrap, String topic, String codec, int count) throws Exception {
        Properties properties = properties(bootstrap);
        properties.put("compression.type", codec);
        properties.put("linger.ms", "5");
        try (KafkaProducer<byte[], byte[]> producer =
                 new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int at = 0; at < count; at++) {
                ProducerRecord<byte[], byte[]> record =
                    new ProducerRecord<>(topic, at % 3, bytes("key-" + at), bytes("value-" + at));
                record.headers().add(new RecordHeader("h", bytes("header-" + at)));
                sent.add(producer.send(record));
            }
            for (int at = 0; at < count; at++) {
                check(sent.get(at).get().offset() == at / 3, "offset of record " + at);
            }
        }
    }

    private static void consume(String bootstrap, String topic, int count) {
        Properties properties = properties(bootstrap);
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        try (KafkaConsumer<byte[], byte[]> consumer =
                 new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (int partition = 0; partition < 3; partition++) partitions.add(new TopicPartition(topic, partition));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<Integer, Long> next = new HashMap<>();
            int seen = 0;
            long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
            while (seen < count && System.nanoTime() < deadline) {
                for (var record : consumer.poll(Duration.ofMillis(200))) {
                    long expected = next.getOrDefault(record.partition(), 0L);
                    check(record.offset() == expected, "offset order in " + topic + "-" + record.partition());
                    String at = String.valueOf(record.offset() * 3 + record.partition());
                    check(new String(record.value(), StandardCharsets.UTF_8).equals("value-" + at), "value of " + at);
                    check(new String(record.key(), StandardCharsets.UTF_8).equals("key-" + at), "key of " + at);
                    byte[] header = record.headers().lastHeader("h").value();
                    check(new String(header, StandardCharsets.UTF_8).equals("header-" + at), "header of " + at);
                    next.put(record.partition(), expected + 1);
                    seen++;
                }
            }
            check(seen == count, "records seen in " + topic + ": " + seen + " of " + count);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            check(ends.values().stream().mapToLong(Long::longValue).sum() == count, "end offsets");
        }
    }

    private static void admin(Admin admin) throws Exception {
        check(admin.describeCluster().nodes().get().size() == 1, "one node");
        check(admin.listTopics().names().get().contains("java-none"), "topic is listed");
        TopicPartition first = new TopicPartition("java-none", 0);
        check(admin.listOffsets(Map.of(first, OffsetSpec.earliest())).all().get().get(first).offset() == 0, "earliest");
        check(admin.listOffsets(Map.of(first, OffsetSpec.forTimestamp(0))).all().get().get(first).offset() == 0, "by time");
        check(admin.listOffsets(Map.of(first, OffsetSpec.maxTimestamp())).all().get().get(first).offset() >= 0, "max time");
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, "java-none");
        admin.incrementalAlterConfigs(Map.of(topic,
            List.of(new AlterConfigOp(new ConfigEntry("max.message.bytes", "2000000"), AlterConfigOp.OpType.SET)))).all().get();
        String value = admin.describeConfigs(List.of(topic)).all().get().get(topic).get("max.message.bytes").value();
        check(value.equals("2000000"), "config was altered, is " + value);
        admin.createPartitions(Map.of("java-none", NewPartitions.increaseTo(5))).all().get();
        int partitions = admin.describeTopics(List.of("java-none")).allTopicNames().get().get("java-none").partitions().size();
        check(partitions == 5, "partitions were added, are " + partitions);
        admin.deleteTopics(List.of("java-zstd")).all().get();
        check(!admin.listTopics().names().get().contains("java-zstd"), "topic was deleted");
        System.out.println("admin calls");
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void check(boolean held, String what) {
        if (!held) {
            System.err.println("did not hold: " + what);
            System.exit(1);
        }
    }
}
