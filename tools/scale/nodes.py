"""A cluster on this machine: its nodes are processes over one bucket, and each of them can be stopped, killed and started again."""

import contextlib
import json
import math
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "measure"))

import measured_server  # noqa: E402
import processes  # noqa: E402

BUCKET = "scale"
# The answer of every node is the same for so long before nothing moves any more: longer than a heartbeat.
STEADY_SECONDS = 4
# A dead node is replaced within this time also where the CPU is scarce.
SETTLE_SECONDS = 120
# What docs/adr/0036 promises of the placement.
MOST_TO_AVERAGE = 1.25


class Node(measured_server.MeasuredProcess):
    """A process of a node. A later process of the same node has the same name and port."""

    def __init__(self, binary: str, name: str, port: int, env: dict[str, str], log: Path):
        self.name, self.port, self.address = name, port, f"http://127.0.0.1:{port}"
        env = env | {"LOG_CLUSTER__ENABLED": "true", "LOG_CLUSTER__NODE": name}
        super().__init__(binary, ["--port", str(port)], env, log)

    def partitions(self) -> dict[int, str | None]:
        """The URL of the node that serves each partition, as this node knows it."""
        status, text = processes.request(f"{self.address}/api/v1/cluster")
        assert status == 200, f"{self.address}/api/v1/cluster: {status} {text[:500]}"
        return {each["partition"]: each.get("url") if each["state"] == "serving" else None for each in json.loads(text)["partitions"]}


class Cluster:
    """The nodes that are alive, by name."""

    def __init__(self, stage: measured_server.Stage, prefix: str, env: dict[str, str], partitions: int):
        self.stage, self.count = stage, partitions
        self.env = env | {"LOG_STORAGE__S3__BUCKET": BUCKET, "LOG_STORAGE__S3__PREFIX": prefix, "LOG_CLUSTER__PARTITIONS": str(partitions)}
        self.nodes: dict[str, Node] = {}
        self.ports: dict[str, int] = {}

    def start(self, name: str) -> Node:
        """Starts a node, and returns before it serves."""
        if name not in self.ports:
            self.ports[name], = processes.free_ports(1)
        self.stage.started += 1
        node = Node(self.stage.binary, name, self.ports[name], self.env, self.stage.folder / f"{name}-{self.stage.started}.log")
        self.stage.ends.callback(node.kill)
        self.nodes[name] = node
        return node

    def stop(self, name: str):
        """SIGTERM: the node hands its partitions over."""
        code = self.nodes[name].stop()
        assert code == 0, f"{name} ended with {code}:\n{self.nodes[name].said()[-2000:]}"
        del self.nodes[name]

    def kill(self, name: str):
        """SIGKILL: the others have to find out."""
        self.nodes.pop(name).kill()

    def end(self):
        for name in list(self.nodes):
            self.kill(name)

    def placement(self) -> dict[int, str] | None:
        """Who serves each partition, if all nodes say the same, every partition is served, and no node has too few or too many."""
        told = [node.partitions() for node in self.nodes.values()]
        served = [told[0][partition] for partition in range(self.count)]
        shares = [served.count(node.address) for node in self.nodes.values()]
        most = math.ceil(MOST_TO_AVERAGE * self.count / len(self.nodes))
        is_settled = all(each == told[0] for each in told) and sum(shares) == self.count and min(shares) > 0 and max(shares) <= most
        return {partition: url for partition, url in enumerate(served) if url} if is_settled else None

    def settled(self, steady: float = STEADY_SECONDS) -> dict[int, str]:
        """Waits until the placement has been the same for some seconds."""
        end = time.monotonic() + SETTLE_SECONDS
        known, since = None, time.monotonic()
        while True:
            seen = None
            with contextlib.suppress(OSError, AssertionError):
                seen = self.placement()
            now = time.monotonic()
            if seen is None or seen != known:
                known, since = seen, now
            if known is not None and now - since >= steady:
                return known
            assert now < end, f"the partitions are not settled after {SETTLE_SECONDS} s; see {self.stage.folder}"
            time.sleep(0.1)
