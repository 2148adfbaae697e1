import java.util.List;

import opendata.log.ApiException;
import opendata.log.api.LogApi;
import opendata.log.model.AppendRequest;
import opendata.log.model.CursorMove;
import opendata.log.model.PutCursorRequest;
import opendata.log.model.Record;
import opendata.log.model.ScanResponse;
import opendata.log.model.Value;

/**
 * Reads batches of records, of a key or of all keys with a prefix, from where a cursor is, and moves the cursor.
 *
 * <p>Commit after each batch: with {@link #commit} a batch that was processed and not committed is read again by the next consumer (at least
 * once), with {@link #append} its results are appended in the same commit as the cursor moves (exactly once). If another consumer has
 * moved the cursor, both throw {@link LogException.Conflict} and change nothing: stop, or begin again.
 */
public final class Consumer {
    private final LogApi log;
    private final String url;
    private final String key;
    private final String prefix;
    private final String cursor;
    private long committed;
    private long reached;

    /** Begins where the cursor is; at the beginning if there is none. The key is UTF-8 text. */
    public Consumer(LogApi log, String url, String key, String cursor) throws LogException {
        this(log, url, key, null, cursor);
    }

    /** The same for all keys that begin with the prefix, in one order: each record has its key. An empty prefix is the whole log. */
    public static Consumer ofPrefix(LogApi log, String url, String prefix, String cursor) throws LogException {
        return new Consumer(log, url, null, prefix, cursor);
    }

    private Consumer(LogApi log, String url, String key, String prefix, String cursor) throws LogException {
        this.log = log;
        this.url = url;
        this.key = key;
        this.prefix = prefix;
        this.cursor = cursor;
        try {
            committed = log.getCursor(cursor).getPosition();
        } catch (ApiException error) {
            LogException failure = LogException.ofRead(error, url);
            if (!(failure instanceof LogException.NotFound)) {
                throw failure;
            }
        }
        reached = committed;
    }

    /** The next records, at least one: it waits for them. */
    public List<Value> next() throws LogException {
        while (true) {
            try {
                ScanResponse page = log.scan(key, null, reached, null, 1000L, true, null, null, null, null, null, null, prefix, null, null, null, null, null, null, null);
                reached = page.getNextSequence();
                if (!page.getValues().isEmpty()) {
                    return page.getValues();
                }
            } catch (ApiException error) {
                throw LogException.ofRead(error, url);
            }
        }
    }

    /** Moves the cursor behind all that was handed out. It returns when that is durable. */
    public void commit() throws LogException {
        if (reached == committed) {
            return;
        }
        try {
            log.putCursor(cursor, new PutCursorRequest().position(reached).expected(committed));
        } catch (ApiException error) {
            throw LogException.ofRead(error, url);
        }
        committed = reached;
    }

    /** Appends results and moves the cursor behind all that was handed out: both or nothing. */
    public void append(List<Record> results) throws LogException {
        CursorMove move = new CursorMove().name(cursor).position(reached).expected(committed);
        try {
            log.append(new AppendRequest().records(results).cursors(List.of(move)));
        } catch (ApiException error) {
            throw LogException.ofAppend(error, url);
        }
        committed = reached;
    }
}
