import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;

import com.fasterxml.jackson.databind.ObjectMapper;

import opendata.log.ApiClient;
import opendata.log.ApiException;
import opendata.log.api.LogApi;
import opendata.log.model.AppendRequest;
import opendata.log.model.AppendResponse;
import opendata.log.model.ErrorResponse;
import opendata.log.model.KeysResponse;
import opendata.log.model.Record;
import opendata.log.model.ScanResponse;
import opendata.log.model.Segment;
import opendata.log.model.Value;

/** The little program that every client runs against a live server: `java Program URL`. It prints what it sees. */
public final class Program {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final byte[] KEY = {0, (byte) 255, 10, (byte) 128};

    private final LogApi log;

    private Program(String url) {
        ApiClient client = new ApiClient();
        client.updateBaseUri(url);
        // The generator accepts all that the document has, and of both formats the server takes protobuf.
        client.setRequestInterceptor(request -> request.setHeader("Accept", "application/json"));
        log = new LogApi(client);
    }

    public static void main(String[] arguments) throws Exception {
        new Program(arguments[0]).run();
    }

    private void run() throws Exception {
        List<Record> five = new ArrayList<>();
        for (byte number = 0; number < 5; number++) {
            five.add(new Record().key(KEY).value(new byte[] {0, number}));
        }
        AppendResponse appended = log.append(new AppendRequest().records(five).awaitDurable(true));
        say("appended", List.of(appended.getStartSequence(), appended.getRecordsAppended()));
        append(utf8("other"), new byte[0]);
        append(KEY, new byte[] {(byte) 255, ' ', 'l', 'a', 's', 't'});

        List<Object> scanned = new ArrayList<>();
        for (Value value : scan(0L, null, 2L)) {
            scanned.add(List.of(value.getSequence(), hex(value.getValue())));
        }
        say("scanned", scanned);
        say("part", scan(1L, 4L, 1000L).stream().map(Value::getSequence).toList());
        say("count", log.count(null, base64(KEY), null, null).getCount());
        say("keys", keys());
        KeysResponse some = log.listKeys(null, null, null, "oth", null, null, null);
        say("prefix", some.getKeys().stream().map(key -> hex(key.getKey())).toList());
        say("segments", log.listSegments(null, null).getSegments().stream().map(Segment::getStartSeq).toList());

        ScanResponse vain = follow(7L, 50L);
        say("followed in vain", List.of(vain.getValues(), vain.getNextSequence()));
        CompletableFuture<Void> later = CompletableFuture.runAsync(() -> {
            try {
                append(KEY, utf8("late"));
            } catch (ApiException error) {
                throw new CompletionException(error);
            }
        }, CompletableFuture.delayedExecutor(300, TimeUnit.MILLISECONDS));
        ScanResponse followed = follow(7L, 30_000L);
        later.join();
        List<String> arrived = followed.getValues().stream().map(value -> hex(value.getValue())).toList();
        say("followed", List.of(arrived, followed.getNextSequence()));

        ErrorResponse empty = refusal(new byte[0]);
        ErrorResponse large = refusal(new byte[9000]);
        say("codes", List.of(empty.getCode(), large.getCode()));
        try {
            log.count(null, "", null, null);
        } catch (ApiException error) {
            say("status", error.getCode());
        }
    }

    private void append(byte[] key, byte[] value) throws ApiException {
        log.append(new AppendRequest().records(List.of(new Record().key(key).value(value))));
    }

    /** Page by page, through nextSequence. */
    private List<Value> scan(long start, Long end, long page) throws ApiException {
        List<Value> all = new ArrayList<>();
        while (true) {
            ScanResponse answer = log.scan(null, base64(KEY), start, end, page, null, null, null, null);
            if (answer.getValues().isEmpty()) {
                return all;
            }
            all.addAll(answer.getValues());
            start = answer.getNextSequence();
        }
    }

    private List<String> keys() throws ApiException {
        List<String> all = new ArrayList<>();
        byte[] after = null;
        do {
            String from = after == null ? null : base64(after);
            KeysResponse answer = log.listKeys(null, null, 1L, null, null, null, from);
            answer.getKeys().forEach(key -> all.add(hex(key.getKey())));
            after = answer.getNextStartAfter();
        } while (after != null);
        return all;
    }

    private ScanResponse follow(long start, long waitMs) throws ApiException {
        return log.scan(null, base64(KEY), start, null, null, true, waitMs, null, null);
    }

    /** What the server says of an append that it refuses, as the type that the document has for it. */
    private ErrorResponse refusal(byte[] key) throws IOException {
        try {
            append(key, new byte[0]);
        } catch (ApiException error) {
            return JSON.readValue(error.getResponseBody(), ErrorResponse.class);
        }
        throw new IllegalStateException("the append was not refused");
    }

    private static void say(String what, Object seen) throws IOException {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put(what, seen);
        System.out.println(JSON.writeValueAsString(line));
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }

    private static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }
}
