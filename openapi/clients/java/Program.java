import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;

import com.fasterxml.jackson.databind.ObjectMapper;

import opendata.log.ApiClient;
import opendata.log.ApiException;
import opendata.log.api.LogApi;
import opendata.log.model.AppendRequest;
import opendata.log.model.AppendResponse;
import opendata.log.model.KeysResponse;
import opendata.log.model.Record;
import opendata.log.model.ScanResponse;
import opendata.log.model.Segment;
import opendata.log.model.Value;

/**
 * The little program that every client runs against a live server: `java Program URL REFUSING_URL`. It prints what it sees. At the
 * second URL every request ends in another error.
 */
public final class Program {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** In a cluster, what keys and cursors begin with, and the partition of that. */
    private static final String TAG = System.getenv().getOrDefault("TAG", "");
    private static final Long PARTITION = Optional.ofNullable(System.getenv("PARTITION")).map(Long::valueOf).orElse(null);
    private static final byte[] KEY = tagged(new byte[] {0, (byte) 255, 10, (byte) 128});
    private static final byte[] OTHER = tagged(utf8("other"));

    private final String url;
    private final LogApi log;

    Program(String url, String token) {
        this.url = url;
        ApiClient client = new WholeRequests.Client();
        client.updateBaseUri(url);
        // It has no limit of its own for a connection that comes to nothing.
        client.setConnectTimeout(Duration.ofSeconds(10));
        if (!token.isEmpty()) {
            client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
        }
        log = new LogApi(client);
    }

    public static void main(String[] arguments) throws Exception {
        new Program(arguments[0], "").run();
        new Program(arguments[1], "").beRefused();
    }

    private void run() throws Exception {
        List<Record> five = new ArrayList<>();
        for (byte number = 0; number < 5; number++) {
            five.add(new Record().key(KEY).value(new byte[] {0, number}));
        }
        AppendResponse appended = log.append(new AppendRequest().records(five).awaitDurable(true));
        say("appended", List.of(appended.getStartSequence(), appended.getRecordsAppended()));
        append(OTHER, new byte[0]);
        append(KEY, new byte[] {(byte) 255, ' ', 'l', 'a', 's', 't'});

        List<Object> scanned = new ArrayList<>();
        for (Value value : scan(0L, null, 2L)) {
            scanned.add(List.of(value.getSequence(), hex(value.getValue())));
        }
        say("scanned", scanned);
        say("part", scan(1L, 4L, 1000L).stream().map(Value::getSequence).toList());
        ScanResponse last = log.scan(null, base64(KEY), null, null, null, null, null, null, null, null, 2L, null, null, null, null, null, null, null, null, null);
        say("last", List.of(last.getValues().stream().map(Value::getSequence).toList(), last.getNextSequence()));
        say("count", count(KEY));
        say("keys", keys());
        KeysResponse some = log.listKeys(null, null, null, TAG + "oth", null, null, null, null, null, PARTITION);
        say("prefix", some.getKeys().stream().map(key -> hex(key.getKey())).toList());
        say("segments", log.listSegments(null, null, PARTITION).getSegments().stream().map(Segment::getStartSeq).toList());

        ScanResponse vain = follow(7L, 50L);
        say("followed in vain", List.of(vain.getValues(), vain.getNextSequence()));
        CompletableFuture<Void> later = CompletableFuture.runAsync(() -> {
            try {
                append(KEY, utf8("late"));
            } catch (LogException error) {
                throw new CompletionException(error);
            }
        }, CompletableFuture.delayedExecutor(300, TimeUnit.MILLISECONDS));
        ScanResponse followed = follow(7L, 30_000L);
        later.join();
        List<String> arrived = followed.getValues().stream().map(value -> hex(value.getValue())).toList();
        say("followed", List.of(arrived, followed.getNextSequence()));

        Consumer consumer = Consumer.ofPrefix(log, url, TAG, TAG + "program");
        List<Object> consumed = new ArrayList<>();
        for (Value value : consumer.next()) {
            consumed.add(List.of(value.getSequence(), hex(value.getKey())));
        }
        consumer.commit();
        say("consumed", List.of(consumed, log.getCursor(TAG + "program").getPosition()));

        LogException empty = refusal(() -> append(new byte[0], new byte[0]));
        LogException large = refusal(() -> append(new byte[9000], new byte[0]));
        say("typed", List.of(empty instanceof LogException.InvalidArgument, large instanceof LogException.TooLarge));
        long began = System.nanoTime();
        say("status", refusal(() -> count(new byte[0])).status());
        say("not sent again", System.nanoTime() - began < 2_500_000_000L);
    }

    private void beRefused() throws IOException {
        List<Object> errors = new ArrayList<>();
        for (int each = 0; each < 20; each++) {
            errors.add(shown(refusal(() -> count(KEY))));
        }
        say("errors", errors);
        List<Object> appends = new ArrayList<>();
        for (int each = 0; each < 2; each++) {
            appends.add(shown(refusal(() -> append(OTHER, new byte[0]))));
        }
        say("appends", appends);
    }

    void append(byte[] key, byte[] value) throws LogException {
        try {
            log.append(new AppendRequest().records(List.of(new Record().key(key).value(value))));
        } catch (ApiException error) {
            throw LogException.ofAppend(error, url);
        }
    }

    private long count(byte[] key) throws LogException {
        try {
            return log.count(null, base64(key), null, null, null).getCount();
        } catch (ApiException error) {
            throw LogException.ofRead(error, url);
        }
    }

    /** Page by page, through nextSequence. */
    private List<Value> scan(long start, Long end, long page) throws ApiException {
        List<Value> all = new ArrayList<>();
        while (true) {
            ScanResponse answer = log.scan(null, base64(KEY), start, end, page, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
            if (answer.getValues().isEmpty() && !Boolean.TRUE.equals(answer.getMore())) {
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
            KeysResponse answer = log.listKeys(null, null, 1L, null, null, null, from, null, null, PARTITION);
            answer.getKeys().forEach(key -> all.add(hex(key.getKey())));
            after = answer.getNextStartAfter();
        } while (after != null);
        return all;
    }

    private ScanResponse follow(long start, long waitMs) throws ApiException {
        return log.scan(null, base64(KEY), start, null, null, true, waitMs, null, null, null, null, null, null, null, null, null, null, null, null, null);
    }

    /** Something that is refused. */
    private interface Refused {
        void run() throws LogException;
    }

    private static LogException refusal(Refused request) {
        try {
            request.run();
        } catch (LogException error) {
            return error;
        }
        throw new IllegalStateException("it was not refused");
    }

    private static List<Object> shown(LogException error) {
        return Arrays.asList(error.getClass().getSimpleName(), error.status());
    }

    private static void say(String what, Object seen) throws IOException {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put(what, seen);
        System.out.println(JSON.writeValueAsString(line));
    }

    private static byte[] tagged(byte[] key) {
        byte[] tag = utf8(TAG);
        byte[] whole = Arrays.copyOf(tag, tag.length + key.length);
        System.arraycopy(key, 0, whole, tag.length, key.length);
        return whole;
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
