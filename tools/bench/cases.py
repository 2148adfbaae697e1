"""Every case, in the order in which they run."""

import payloads
from appends import Appends
from followers import Followers
from paced import Below, Mailbox, Session
from payloads import Append
from reads import Count, Scan
from remote import BelowOnS3, DurableOnS3
from sampling import Case

# An append of 1,000 records of 100 bytes seals a segment of this size, or nearly.
SMALL_SEGMENTS = {"LOG_SEGMENTS__SEAL_BYTES": "64KiB"}
LOAD, S3 = frozenset({"log-load"}), frozenset({"wrk", "weed"})
PACED = LOAD | {"wrk"}
ALWAYS_DURABLE = ("s2-lite is sent protobuf by its HTTP API, to one stream. It answers when records are durable, and so is only in the durable cases, and "
                  "in scans.")

CASES = [
    Case("append-1-c32", "append 1, c32", ("ours", "opendata", "redis", "bare"), Appends(Append(), 32)),
    Case("append-1-durable-c1", "append 1, durable, c1", ("ours", "unsynced", "opendata", "s2"), Appends(Append(durable=True), 1),
         "Log and s2-lite sync each file to disk; OpenData Log leaves that to the operating system, as Log does with `storage.sync: false`."),
    Case("append-1-durable-c64", "append 1, durable, c64", ("ours", "opendata", "s2"), Appends(Append(durable=True), 64), ALWAYS_DURABLE),
    Case("append-100-c8", "append 100, c8", ("ours", "opendata", "redis"), Appends(Append(100), 8), "Redis: pipelines of 100 XADD."),
    Case("append-100-c8-at-80", "append 100, c8, at 80 %", ("ours", "opendata"), Below(Append(100)),
         "The highest rate is that of wrk on the same server just before. A latency counts from when a request was due.", PACED),
    Case("append-1000-100keys-c8", "append 1,000 over 100 keys, c8", ("ours", "opendata"), Appends(Append(1000, keys=100), 8)),
    Case("append-1000-100keys-c8-at-80", "append 1,000 over 100 keys, c8, at 80 %", ("ours", "opendata"), Below(Append(1000, keys=100)), needs=PACED),
    Case("append-100-durable-c64", "append 100, durable, c64", ("ours", "opendata", "s2"), Appends(Append(100, durable=True), 64)),
    Case("append-100-json-c8", "append 100, JSON, c8", ("ours", "opendata"), Appends(Append(100, media=payloads.JSON), 8)),
    Case("session-c8", "append session, 1 record a frame, 100 outstanding, c8", ("ours", "redis"), Session(),
         "Redis: one XADD at a time on each connection.", LOAD),
    Case("scan-1000-c8", "scan 1,000, c8", ("ours", "opendata", "s2", "redis"), Scan(),
         "Redis: XRANGE. s2-lite and Redis have one stream of 10,000 records, Log and OpenData Log 100 keys with as many each."),
    Case("scan-1000-json-c8", "scan 1,000, JSON, c8", ("ours", "opendata", "s2"), Scan(payloads.JSON)),
    Case("count-c8", "count of 10,000 among 1,000,000, c8", ("ours", "opendata", "bare"), Count(),
         "The bare handler answers a constant: so many requests hyper and wrk leave room for."),
    Case("count-segments-c8", "count of 10,000 among 1,000,000 in 1,000 segments, c8", ("ours",), Count(SMALL_SEGMENTS)),
    Case("mailbox", "mailbox load", ("ours", "opendata"), Mailbox(),
         "20 appends a second of 1,000 records of 1,000 B over 1,000 of 20,000 keys, and as many polls that find nothing.", LOAD),
    Case("followers", "5,000 idle followers", ("ours",), Followers(), needs=frozenset()),
    Case("s3-append-1-durable-c1", "append 1, durable, c1, S3 with 20 ms", ("ours",), DurableOnS3(1), needs=S3),
    Case("s3-append-1-durable-c64", "append 1, durable, c64, S3 with 20 ms", ("ours",), DurableOnS3(64), needs=S3),
    Case("s3-append-100-c8-at-80", "append 100, c8, S3 with 20 ms, at 80 %", ("ours",), BelowOnS3(), needs=PACED | {"weed"}),
]
