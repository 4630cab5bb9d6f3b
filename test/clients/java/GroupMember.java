import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;

/**
 * A member of a group for groups-mixed.client.ts: BOOTSTRAP GROUP TOPIC PROTOCOL SESSION_MS. It commits after each poll. Its lines are
 * those of group-members.ts.
 */
public class GroupMember {
    private static volatile boolean stopped;

    public static void main(String[] args) throws Exception {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", args[0]);
        settings.put("group.id", args[1]);
        settings.put("group.protocol", args[3]);
        settings.put("enable.auto.commit", "false");
        settings.put("auto.offset.reset", "earliest");
        settings.put("max.poll.records", "200");
        settings.put("key.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer");
        settings.put("value.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer");
        if (args[3].equals("classic")) {
            settings.put("session.timeout.ms", args[4]);
            settings.put("heartbeat.interval.ms", "500");
            settings.put("partition.assignment.strategy", "org.apache.kafka.clients.consumer.RangeAssignor");
        }
        KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings);
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stopped = true;
            consumer.wakeup();
            try {
                main.join();
            } catch (InterruptedException error) {
                throw new IllegalStateException(error);
            }
        }));
        consumer.subscribe(List.of(args[2]), new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                say("A", partitions);
            }

            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                say("X", partitions);
            }

            @Override
            public void onPartitionsLost(Collection<TopicPartition> partitions) {
                say("L", partitions);
            }
        });
        while (!stopped) {
            Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
            try {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(500));
                StringBuilder lines = new StringBuilder();
                records.forEach(record -> {
                    lines.append("R ").append(record.partition()).append(' ').append(record.offset()).append('\n');
                    next.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
                });
                System.out.print(lines);
                System.out.flush();
            } catch (WakeupException wakeup) {
                continue;
            }
            if (!next.isEmpty()) commit(consumer, next);
        }
        // Leaves the group.
        consumer.close();
        System.out.flush();
    }

    private static void commit(KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, OffsetAndMetadata> next) {
        while (true) {
            try {
                consumer.commitSync(next);
                next.forEach((partition, offset) -> System.out.println("C " + partition.partition() + " " + offset.offset()));
                return;
            } catch (WakeupException wakeup) {
                // Once only: the signal came in the middle of the commit, which is sent again.
            } catch (KafkaException error) {
                System.err.println("commit: " + error);
                return;
            }
        }
    }

    private static void say(String kind, Collection<TopicPartition> partitions) {
        StringBuilder lines = new StringBuilder();
        long nowMs = System.currentTimeMillis();
        for (TopicPartition partition : partitions) lines.append(kind + " " + nowMs + " " + partition.partition() + "\n");
        System.out.print(lines);
        System.out.flush();
    }
}
