"""What a stream that waits costs, in memory."""

import dataclasses
import socket
import time

import payloads
from sampling import Measured, Sampling

# For what the server does behind its answers.
SETTLE_SECONDS = 1.0


@dataclasses.dataclass(frozen=True)
class Followers:
    """Streams of distinct keys that have nothing to send, each on a connection of its own."""

    count: int = 5000

    def __call__(self, sampling: Sampling) -> Measured:
        server = sampling.start({"LOG_LIMITS__FOLLOWERS": str(self.count + 1)})
        payloads.fill(server, sampling.target, 1)
        # The first ones pay for what all share.
        warm = [follow(sampling, server.port, number) for number in range(self.count, self.count + 100)]
        time.sleep(SETTLE_SECONDS)
        before = server.resident_kib()
        followers = [follow(sampling, server.port, number) for number in range(self.count - len(warm))]
        time.sleep(SETTLE_SECONDS)
        each = (server.resident_kib() - before) / len(followers)
        cpu = server.cpu_seconds()
        time.sleep(sampling.seconds)
        used = server.cpu_seconds() - cpu
        return Measured({"kib_per_follower": round(each, 2), "idle_cpu_share": round(used / sampling.seconds, 4),
                         "rss_mib": round(server.resident_kib() / 1024, 1)})


def follow(sampling: Sampling, port: int, number: int) -> socket.socket:
    """An open stream of a key of its own."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    sampling.place.ends.callback(connection.close)
    connection.sendall(b"GET /api/v1/log/stream?key=follower-%05d HTTP/1.1\r\nHost: localhost\r\n\r\n" % number)
    head = connection.recv(4096)
    assert b" 200 " in head, head
    return connection
