"""Appends to a log on an S3 server that is as far away as an object store: SeaweedFS, behind a proxy that delays its answers."""

import dataclasses

import loads
import payloads
from paced import Below
from payloads import Append
from sampling import Measured, Sampling

DELAY_SECONDS = 0.02
BUCKET = "bench"
# In half of this time, the server's memory is full of what the object store has not taken yet.
BURST_SECONDS = 8


def start(sampling: Sampling):
    """Our server, with its log on S3."""
    place = sampling.place
    s3 = place.seaweedfs(str(place.programs.weed))
    s3.make_bucket(BUCKET)
    _, through = place.proxy(s3, DELAY_SECONDS)
    return place.server(env=s3.env() | through | {"LOG_STORAGE__S3__BUCKET": BUCKET})


@dataclasses.dataclass(frozen=True)
class DurableOnS3:
    """Durable appends of one record."""

    connections: int

    def __call__(self, sampling: Sampling) -> Measured:
        server, append = start(sampling), Append(durable=True)
        body, url = append.written("ours", sampling.place.folder), server.address + payloads.APPEND
        headers = payloads.headers("ours", append.media)
        return sampling.measure(server, lambda: loads.wrk(url, self.connections, sampling.seconds, 1, headers, body))


@dataclasses.dataclass(frozen=True)
class BelowOnS3:
    """Appends of 100 records at 80 % of the highest rate that the object store can follow."""

    def __call__(self, sampling: Sampling) -> Measured:
        return Below(Append(100), burst_seconds=BURST_SECONDS).on(sampling, start(sampling))
