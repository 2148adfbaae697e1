"""`opening`: what a node does while it opens a partition, which is most of the time in which a partition that moves is away."""

import concurrent.futures
import contextlib
import http.client
import json
import statistics
import time

import load
import nodes
import partitions
import results

import messages
from measured_server import Stage

PARTITIONS = 4
# Milliseconds that the object store answers later, and durable appends to each partition before.
CASES = ((0, 0), (20, 0), (40, 0), (20, 100), (20, 400))


def run(stage: Stage, s3) -> dict:
    """For each case, how long an opening takes that nothing else is done beside, and what it asks for."""
    found = [opened(stage, s3, *case) for case in CASES]
    return {"openings": results.rounded({"rows": found})["rows"]}


def opened(stage: Stage, s3, latency_ms: float, appends: int) -> dict:
    proxy, through = stage.proxy(s3, latency_ms / 1000)
    env = s3.env() | through
    cluster = nodes.Cluster(stage, f"o{latency_ms}-{appends}", env, PARTITIONS)
    node = cluster.start("n0")
    cluster.settled(0.5)
    with concurrent.futures.ThreadPoolExecutor(PARTITIONS) as threads:
        list(threads.map(lambda key: append(node.port, key, appends), partitions.keys(PARTITIONS)))
    began = time.monotonic()
    cluster.stop("n0")
    stopped = time.monotonic() - began
    asked = proxy.requests()
    node = cluster.start("n0")
    cluster.settled(0.5)
    answered = proxy.requests()
    each = {kind: (count - asked.get(kind, 0)) / PARTITIONS for kind, count in sorted(answered.items())}
    seconds = statistics.median(openings(node.said()))
    cluster.end()
    told = {"latency_ms": latency_ms, "appends": appends, "seconds": seconds, "seconds_to_stop": stopped, "requests": each}
    results.say(f"{latency_ms} ms, after {appends} appends: {seconds:.3f} s to open a partition, " + ", ".join(f"{count:.0f} {kind}" for kind, count in each.items()))
    return told


def append(port: int, key: str, count: int):
    """So many durable appends to a key, one after another: each is a flush."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(count):
        messages.append(connection, load.body(key, 1))
    connection.close()


def openings(said: str) -> list[float]:
    """The seconds that a node says that it took to open each partition."""
    took = []
    for line in said.splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            told = json.loads(line)
            if told.get("message") == "serving a partition":
                took.append(told["took_ms"] / 1000)
    return took


def summary(found: dict) -> list[str]:
    """What the openings say, in lines."""
    rows = {(row["latency_ms"], row["appends"]): row for row in found["openings"]}
    lines = ["| latency of the bucket | durable appends before | to open a partition | its requests: GET and HEAD, LIST, PUT |", "|---|---|---|---|"]
    for row in rows.values():
        asked = row["requests"]
        lines.append(f"| {row['latency_ms']} ms | {row['appends']} | {row['seconds']:.2f} s "
                     f"| {asked.get('get', 0) + asked.get('head', 0):.0f}, {asked.get('list', 0):.0f}, {asked.get('put', 0):.0f} |")
    one_after_another = (rows[40, 0]["seconds"] - rows[0, 0]["seconds"]) / 0.04
    each = (rows[20, 400]["seconds"] - rows[20, 0]["seconds"]) / 400
    return [*lines, "", f"Requests of an opening that wait for one another: {one_after_another:.0f}; for each durable append before: {each * 1000:.1f} ms"]
