"""A cluster on a real S3 server, for tests."""

import contextlib
import json
import re
import time
from pathlib import Path

from processes import S3, request

PARTITIONS = 8
# A node that was killed is replaced within this time: `cluster.dead_after`, two heartbeats, and the opening of partitions on a busy machine.
REPLACED_SECONDS = 30


class ClusterOfThree:
    """The nodes `a`, `b` and `c` of one cluster."""

    def __init__(self, start, store: S3, bucket: str):
        self._start, self._store, self._bucket = start, store, bucket
        self.nodes, self._servers = {}, {}
        store.make_bucket(bucket)
        for name in "abc":
            self._begin(name)
        for name in "abc":
            self._wait(name)
        self.until_served(*"abc")

    @property
    def urls(self) -> list[str]:
        """Where the nodes are, in the order of their names."""
        return [self.nodes[name] for name in sorted(self.nodes)]

    def kill(self, name: str):
        """Kills a node, and does not wait for what the others make of it."""
        self._servers.pop(name).kill()
        del self.nodes[name]

    def restart(self, name: str):
        """Starts a node again, and waits until it has partitions."""
        self._begin(name)
        self._wait(name)
        self.until_served(*self.nodes)

    def map(self, name: str | None = None) -> list[str | None]:
        """The URL of the node of each partition, as a node knows it."""
        status, told = request(f"{self.nodes[name] if name else self.urls[0]}/api/v1/cluster")
        assert status == 200, told
        return [each.get("url") if each["state"] == "serving" else None for each in json.loads(told)["partitions"]]

    def until_served(self, *names: str):
        """Waits until every node sees all partitions served by these nodes, and by each of them."""
        wanted, end = {self.nodes[name] for name in names}, time.monotonic() + REPLACED_SECONDS
        for name in self.nodes:
            while set(found := self.map(name)) != wanted:
                assert time.monotonic() < end, f"not served by {names}: {found}"
                time.sleep(0.1)

    def forwarded(self) -> int:
        """How many requests the nodes have passed on."""
        return sum(
            int(float(count)) for url in self.urls
            for count in re.findall(r"^log_cluster_forwarded_requests_total\{.*\} (\S+)$", request(f"{url}/metrics")[1], re.MULTILINE))

    def _begin(self, name: str):
        self._servers[name] = self._start(["--s3-bucket", self._bucket, "--port", "0"], self._store.env() | {
            "LOG_CLUSTER__ENABLED": "true", "LOG_CLUSTER__NODE": name, "LOG_CLUSTER__PARTITIONS": str(PARTITIONS),
            "LOG_CLUSTER__HEARTBEAT": "1s", "LOG_CLUSTER__DEAD_AFTER": "4s"})

    def _wait(self, name: str):
        server = self._servers[name]
        server.wait_until("it says where it listens", server.url)
        server.wait_until_ready(server.url())
        self.nodes[name] = server.url()


@contextlib.contextmanager
def cluster_of_three(binary: str, store: S3, folder: Path, bucket: str):
    """A running cluster."""
    from processes import Server

    servers = []

    def start(args, env):
        servers.append(Server(binary, args, env, folder / f"node-{len(servers)}.log"))
        return servers[-1]

    try:
        yield ClusterOfThree(start, store, bucket)
    finally:
        for server in servers:
            server.kill()
