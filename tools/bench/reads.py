"""Scans and counts, of a log that was filled before."""

import dataclasses

import loads
import payloads
from payloads import FILL_KEYS, FILL_RECORDS
from sampling import Measured, Sampling

# A page begins behind the first of its records: a scan that begins anywhere is what consumers send.
START = 1000
# S2 and Redis have one stream instead of keys. It has as many records as each key of a log.
MILLION_APPENDS = 1000


@dataclasses.dataclass(frozen=True)
class Scan:
    """A page of a key among a hundred of a log of 1,000,000 records, again and again."""

    media: str = payloads.PROTOBUF
    records: int = 1000
    connections: int = 8
    appends: int = MILLION_APPENDS

    def __call__(self, sampling: Sampling) -> Measured:
        server, target = sampling.start(), sampling.target
        of_key = self.appends * FILL_RECORDS // FILL_KEYS
        if target == "redis":
            value = "v" * 100
            loads.redis(server.port, self.connections, 100, of_key, 1, ["XADD", "bench", "*", "f", value])
            return sampling.redis(server, self.connections, 1, self.records, ["XRANGE", "bench", "-", "+", "COUNT", str(self.records)])
        payloads.fill(server, target, of_key // FILL_RECORDS if target == "s2" else self.appends)
        url = server.address + payloads.scan_path(target, START, self.records)
        headers = payloads.headers(target, self.media)
        return sampling.measure(server, lambda: loads.wrk(url, self.connections, sampling.seconds, self.records, headers))


@dataclasses.dataclass(frozen=True)
class Count:
    """The records of a key among a hundred of a log of 1,000,000 records. `env` can cut the log into segments."""

    env: dict[str, str] = dataclasses.field(default_factory=dict)
    connections: int = 8
    appends: int = MILLION_APPENDS

    def __call__(self, sampling: Sampling) -> Measured:
        server = sampling.start(self.env)
        # The bare handler answers a constant.
        if sampling.target != "bare":
            payloads.fill(server, sampling.target, self.appends)
        url, headers = f"{server.address}/api/v1/log/count?key={payloads.KEY}", payloads.headers(sampling.target, payloads.JSON)
        measured = sampling.measure(server, lambda: loads.wrk(url, self.connections, sampling.seconds, 1, headers))
        if self.env:
            measured.figures["segments"] = server.metric("log_segments")
        return measured
