"""Durable appends of many connections, each to the node that serves the partition: wrk, one process for each node."""

import concurrent.futures
import dataclasses
import http.client
import os
import resource
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TOOLS / "bench"), str(TOOLS / "measure")]

import loads  # noqa: E402
import messages  # noqa: E402

APPEND = "/api/v1/log/append"
VALUE_BYTES = 100


@dataclasses.dataclass(frozen=True)
class Target:
    """A node, and the keys that are appended to there."""

    url: str
    keys: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Shape:
    """How many connections there are for each partition, and how many records each append has."""

    connections: int = 16
    records: int = 1


def targets(placement: dict[int, str], keys: list[str]) -> list[Target]:
    """Each node with the keys of its partitions."""
    return [Target(url, tuple(key for partition, key in enumerate(keys) if placement[partition] == url)) for url in sorted(set(placement.values()))]


def body(key: str, records: int) -> bytes:
    """An append of so many records of random bytes to a key."""
    return messages.append_request([(key.encode(), os.urandom(VALUE_BYTES)) for _ in range(records)], durable=True)


def run(wanted: list[Target], shape: Shape, seconds: int, folder: Path) -> list[loads.Load]:
    """Appends to all nodes at once for so long. The connections of a node take its keys in turn, and send again when they are answered."""
    with concurrent.futures.ThreadPoolExecutor(len(wanted)) as threads:
        return list(threads.map(lambda target: wrk(target, shape, seconds, folder), wanted))


def wrk(target: Target, shape: Shape, seconds: int, folder: Path) -> loads.Load:
    files = []
    for key in target.keys:
        files.append(folder / f"body-{key}-{shape.records}")
        if not files[-1].exists():
            files[-1].write_bytes(body(key, shape.records))
    env = {"BODIES": "\n".join(map(str, files)), "HEADERS": f"Content-Type: {messages.PROTOBUF}\nAccept: {messages.PROTOBUF}"}
    connections = shape.connections * len(target.keys)
    said = loads.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", loads.SCRIPT, target.url + APPEND], env, seconds)
    return loads.of_wrk(said, shape.records)


def cpu_seconds() -> float:
    """CPU of the load generators that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def served_there(target: Target) -> bool:
    """Whether the node answers for all keys itself."""
    connection = http.client.HTTPConnection(target.url.removeprefix("http://"), timeout=60)
    for key in target.keys:
        connection.request("POST", APPEND, body(key, 1), {"Content-Type": messages.PROTOBUF})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (answer.status, text[:500])
        if answer.getheader("log-moved"):
            return False
    connection.close()
    return True
