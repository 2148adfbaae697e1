import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * Reads orders, one a line: an append of a value of so many bytes, in so many attempts. Prints what became of each.
 */
public final class Outcomes {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Outcomes() {
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Map<String, Program> programs = new HashMap<>();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode order = JSON.readTree(line);
            String url = order.get("url").asText();
            String token = order.get("token").asText();
            Program program = programs.computeIfAbsent(url + token, each -> new Program(url, token));
            System.out.println(JSON.writeValueAsString(outcome(program, order)));
        }
    }

    private static List<Object> outcome(Program program, JsonNode order) throws InterruptedException {
        byte[] value = new byte[order.get("bytes").asInt()];
        try {
            Retry.retried(order.get("attempts").asInt(), () -> {
                program.append("orders".getBytes(StandardCharsets.UTF_8), value);
                return null;
            });
        } catch (LogException error) {
            return Arrays.asList(error.getClass().getSimpleName(), error.status(), error.getMessage());
        }
        return Arrays.asList("Appended", null, "");
    }
}
