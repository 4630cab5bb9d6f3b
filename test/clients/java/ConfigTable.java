import java.util.List;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.common.config.ConfigResource;

/** Prints every config of a topic and of broker 1, one a line: BOOTSTRAP TOPIC -> kind, name, value, source, type, read-only, synonyms. */
public class ConfigTable {
    public static void main(String[] args) throws Exception {
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, args[1]);
        ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, "1");
        try (Admin admin = Admin.create(java.util.Map.of("bootstrap.servers", args[0]))) {
            admin.describeConfigs(List.of(topic, broker), new DescribeConfigsOptions().includeSynonyms(true)).all().get()
                .forEach((resource, config) -> config.entries().forEach(entry -> System.out.println(line(resource, entry))));
        }
    }

    private static String line(ConfigResource resource, ConfigEntry entry) {
        String synonyms = entry.synonyms().stream()
            .map(synonym -> synonym.source() + ":" + synonym.name() + "=" + synonym.value())
            .collect(Collectors.joining(","));
        return String.join("\t", resource.type().toString(), entry.name(), String.valueOf(entry.value()), entry.source().toString(),
            entry.type().toString(), String.valueOf(entry.isReadOnly()), "{" + synonyms + "}");
    }
}
