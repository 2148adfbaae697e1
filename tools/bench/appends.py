"""Appends as fast as the connections take answers: by wrk, and to Redis by redis-benchmark."""

import dataclasses

import loads
import payloads
from payloads import Append
from sampling import Measured, Sampling


@dataclasses.dataclass(frozen=True)
class Appends:
    """The same append again and again, on so many connections. Redis is sent its records in one pipeline of so many commands."""

    append: Append
    connections: int

    def __call__(self, sampling: Sampling) -> Measured:
        server, target, append = sampling.start(), sampling.target, self.append
        if target == "redis":
            command = ["XADD", "bench", "*", "f", "v" * append.value_bytes]
            return sampling.redis(server, self.connections, append.records, 1, command)
        body = append.written(target, sampling.place.folder)
        url, headers = server.address + payloads.append_path(target), payloads.headers(target, append.media)
        return sampling.measure(server, lambda: loads.wrk(url, self.connections, sampling.seconds, append.records, headers, body))
