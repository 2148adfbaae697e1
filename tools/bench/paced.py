"""Loads that wrk cannot send: at a fixed rate, many on one request, and over many keys. By log-load."""

import dataclasses

import loads
import payloads
import samples
from payloads import Append
from sampling import Measured, Sampling

# So much of the highest rate that was found.
SHARE = 0.8


@dataclasses.dataclass(frozen=True)
class Below:
    """Appends at 80 % of the highest rate that wrk reached on the same server just before, after a burst.

    Latencies count from when a request was due, so those that a slow answer holds up count as slow.
    """

    append: Append
    connections: int = 8
    # So long a burst lasts, and at least so long the highest rate is looked for after it: what memory takes of a burst is not sustained.
    burst_seconds: float = 3

    def __call__(self, sampling: Sampling) -> Measured:
        return self.on(sampling, sampling.start())

    def on(self, sampling: Sampling, server) -> Measured:
        append, body = self.append, self.append.written(sampling.target, sampling.place.folder)
        url, headers = server.address + payloads.append_path(sampling.target), payloads.headers(sampling.target, append.media)
        burst = loads.wrk(url, self.connections, self.burst_seconds, append.records, headers, body)
        fastest = loads.wrk(url, self.connections, max(self.burst_seconds, sampling.seconds / 2), append.records, headers, body)
        rate = max(1, int(fastest.requests / fastest.seconds * SHARE))
        arguments = ["--mode", "repeat", "--records", append.records, "--keys", append.keys, "--connections", self.connections, "--rate", rate]
        measured = sampling.measure(server, lambda: sampling.log_load(server, arguments))
        measured.figures["highest_records_per_second"] = float(f"{fastest.rate:.5g}")
        return dataclasses.replace(measured, errors=measured.errors + fastest.errors + burst.errors)


@dataclasses.dataclass(frozen=True)
class Session:
    """Append sessions of one record in a frame; Redis gets one XADD at a time on each connection."""

    connections: int = 8
    outstanding: int = 100

    def __call__(self, sampling: Sampling) -> Measured:
        server = sampling.start()
        if sampling.target == "redis":
            return sampling.redis(server, self.connections, 1, 1, ["XADD", "bench", "*", "f", "v" * 100])
        arguments = ["--mode", "session", "--outstanding", self.outstanding, "--connections", self.connections, "--records", 1, "--keys", 1]
        return sampling.measure(server, lambda: sampling.log_load(server, arguments))


@dataclasses.dataclass(frozen=True)
class Mailbox:
    """Twenty appends a second, each of 1,000 records of 1,000 bytes over 1,000 of 20,000 keys, and as many polls that find nothing."""

    def __call__(self, sampling: Sampling) -> Measured:
        server, found = sampling.start(), {}

        def load() -> loads.Load:
            arguments = ["--mode", "mailbox", "--without-producers"]
            found.update(loads.log_load(str(sampling.place.programs.load), server.address, sampling.seconds, arguments))
            return found[""]

        measured = sampling.measure(server, load)
        polls = found["polls"]
        measured.figures.update(samples.rounded({"poll_p50_ms": polls.p50, "poll_p99_ms": polls.p99}))
        return dataclasses.replace(measured, errors=measured.errors + polls.errors)
