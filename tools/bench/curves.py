"""How costs grow: with keys, history, segments, connections, and the sizes of values and appends."""

import dataclasses
from collections.abc import Callable, Iterator

import loads
import payloads
import samples
from payloads import Append
from sampling import Measured, Sampling

import messages

# What the curves show.
APPEND_RATE, APPEND_CPU, APPEND_P99 = "append_records_per_second", "append_cpu_micros_per_record", "append_p99_ms"
POLL_P50, COUNT_P50, MEBIBYTES = "poll_p50_ms", "count_p50_ms", "mib_per_second"
PEERS = ("ours", "opendata")
# The history of the curve of segments, and of a hundredth of the longest history.
RECORDS = 1_000_000
SHORTEST_HISTORY = 100_000


@dataclasses.dataclass(frozen=True)
class Curve:
    """A load at several sizes. `figures` are those that are drawn, with what their axes say."""

    name: str
    title: str
    sizes: tuple[int, ...]
    sample: Callable[[Sampling, int], Measured]
    figures: dict[str, str]
    targets: tuple[str, ...] = PEERS


def with_keys(sampling: Sampling, keys: int) -> Measured:
    """Costs in a log of so many keys, with one record each."""
    server, each = sampling.start(), payloads.FILL_RECORDS
    payloads.send(server.port, sampling.target, (of_keys(range(at, at + each)) for at in range(0, keys, each)))
    step = keys // 100
    return probed(sampling, server, keys, of_keys(range(0, keys, step)), 100)


def of_keys(numbers) -> bytes:
    return messages.append_request([(b"bench-key-%d" % number, payloads.value(number, 100)) for number in numbers])


def with_history(sampling: Sampling, times: int) -> Measured:
    """Costs in a log of 100 keys with so many times 100,000 records."""
    server, records = sampling.start(), times * SHORTEST_HISTORY
    payloads.fill(server, sampling.target, records // payloads.FILL_RECORDS)
    append = Append(100, keys=100)
    return probed(sampling, server, records, append.body(sampling.target), append.records)


def with_segments(sampling: Sampling, segments: int) -> Measured:
    """Costs in a log of 1,000,000 records over 100 keys that is cut into about so many segments."""
    append = Append(100, keys=100)
    body = append.body(sampling.target)
    appends = RECORDS // append.records
    # What a segment has, a little less than its share: it is sealed when it has reached it.
    seal = int(len(body) * appends / segments * 0.9)
    server = sampling.start({"LOG_SEGMENTS__SEAL_BYTES": str(seal)} if segments > 1 else {})
    payloads.send(server.port, sampling.target, [body] * appends)
    counted = server.metric("log_segments")
    measured = probed(sampling, server, RECORDS, body, append.records)
    measured.figures["segments"] = counted
    return measured


def probed(sampling: Sampling, server, records: int, body: bytes, appended: int) -> Measured:
    """A poll that finds nothing, a count, and appends, in a log of so many records."""
    api, read = f"{server.address}/api/v1/log", payloads.headers(sampling.target, payloads.PROTOBUF)
    poll = loads.wrk(f"{api}/scan?key={payloads.KEY}&limit=100&start_seq={records}", 1, sampling.seconds, 1, read)
    count = loads.wrk(f"{api}/count?key={payloads.KEY}", 1, sampling.seconds, 1, payloads.headers(sampling.target, payloads.JSON))
    told = {POLL_P50: poll.p50, COUNT_P50: count.p50}
    written = sampling.place.folder / "body"
    written.write_bytes(body)
    measured = sampling.measure(server, lambda: loads.wrk(server.address + payloads.APPEND, 8, sampling.seconds, appended, read, written))
    return Measured(samples.rounded(told) | of_append(measured), measured.errors + poll.errors + count.errors)


def of_append(measured: Measured) -> dict[str, float]:
    found = measured.figures
    return {APPEND_RATE: found[samples.RATE], APPEND_CPU: found[samples.CPU], APPEND_P99: found[samples.P99], samples.RSS: found[samples.RSS]}


def appending(sampling: Sampling, append: Append, connections: int) -> Measured:
    server, body = sampling.start(), append.written(sampling.target, sampling.place.folder)
    url, headers = server.address + payloads.APPEND, payloads.headers(sampling.target, append.media)
    measured = sampling.measure(server, lambda: loads.wrk(url, connections, sampling.seconds, append.records, headers, body))
    figures = of_append(measured)
    bytes_per_second = figures[APPEND_RATE] * append.value_bytes
    return Measured(figures | samples.rounded({MEBIBYTES: bytes_per_second / (1 << 20)}), measured.errors)


def with_connections(sampling: Sampling, connections: int) -> Measured:
    return appending(sampling, Append(), connections)


def with_value_bytes(sampling: Sampling, size: int) -> Measured:
    return appending(sampling, Append(value_bytes=size), 8)


def with_records(sampling: Sampling, records: int) -> Measured:
    return appending(sampling, Append(records), 8)


_RATE, _CPU = "records/s", "CPU of an appended record, µs"
_PROBES = {POLL_P50: "poll that finds nothing, p50, ms", COUNT_P50: "count, p50, ms", APPEND_CPU: _CPU, samples.RSS: "RSS, MiB"}

CURVES = [
    Curve("records", "records in an append", (1, 10, 100, 1000, 10_000), with_records, {APPEND_RATE: _RATE, APPEND_CPU: _CPU}),
    Curve("value-bytes", "bytes of a value", (10, 100, 1000, 10_000, 100_000, 1_000_000), with_value_bytes,
          {APPEND_RATE: _RATE, MEBIBYTES: "MiB/s", APPEND_CPU: _CPU}),
    Curve("connections", "connections", (1, 10, 100, 1000, 10_000), with_connections, {APPEND_RATE: _RATE, APPEND_CPU: _CPU, APPEND_P99: "append, p99, ms"}),
    Curve("keys", "keys", (1000, 10_000, 100_000, 1_000_000), with_keys, _PROBES),
    Curve("history", "times 100,000 records", (1, 10, 100), with_history, _PROBES),
    Curve("segments", "segments", (1, 10, 100, 1000, 10_000), with_segments, _PROBES, ("ours",)),
]


def points(curves: list[Curve], targets: set[str]) -> Iterator[tuple[Curve, int, str]]:
    """All points, those of small sizes first: they take less time, and show the most."""
    longest = max((len(curve.sizes) for curve in curves), default=0)
    for number in range(longest):
        for curve in curves:
            for target in curve.targets:
                if number < len(curve.sizes) and target in targets:
                    yield curve, curve.sizes[number], target
