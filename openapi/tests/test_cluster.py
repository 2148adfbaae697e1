"""The clients at a cluster of three nodes on a real S3 server: contract, programs, direct requests, and a node that is killed under load."""

import asyncio
import base64
import json
import os
import random
import sys
import threading
import urllib.parse

import pytest
from processes import request, seaweedfs

import program
from cluster import PARTITIONS, cluster_of_three
from conftest import OPENAPI, ROOT, VENV
from line_program import LineProgram
from requests_that_end import APPENDED
from test_go_client import built as go_program, folder, go  # noqa: F401
from test_java_client import classes  # noqa: F401
from test_rust_client import built as rust_program  # noqa: F401

CLIENT = OPENAPI / "clients/python"
sys.path.insert(0, str(CLIENT))

import opendata_log  # noqa: E402
from opendata_log import AsyncLogClient, Keys, LogClient, Prefix, Retry, partition_of  # noqa: E402

# So many keys are in all partitions.
KEYS = [f"key-{number}".encode() for number in range(40)]


@pytest.fixture(scope="module")
def cluster(binary, tmp_path_factory):
    """One cluster for all tests."""
    folder = tmp_path_factory.mktemp("cluster")
    with seaweedfs(folder) as store, cluster_of_three(binary, store, folder, "cluster") as running:
        yield running


def tag_of(partition: int, what: str) -> str:
    """A tag in a partition that no other test uses."""
    return next(tag for tag in (f"{{{what}-{number}}}" for number in range(10_000)) if partition_of(tag.encode(), PARTITIONS) == partition)


@pytest.mark.parametrize("language", ["python", "typescript", "go", "java", "rust"])
def test_the_programs_run_with_their_keys_under_one_tag(cluster, run, request, language):
    """They expect that their partition is empty, so this comes before what appends elsewhere."""
    partition = ["python", "typescript", "go", "java", "rust"].index(language)
    commands = {
        "python": lambda: [sys.executable, CLIENT / "program.py"],
        "typescript": lambda: ["node", request.getfixturevalue("built") / "dist/program.js"],
        "go": lambda: [request.getfixturevalue("go_program")],
        "java": lambda: ["java", "-cp", request.getfixturevalue("classes"), "Program"],
        "rust": lambda: [request.getfixturevalue("rust_program")],
    }
    without = {"python": [], "typescript": [], "rust": ["tailed", "consumed"]}.get(language, ["tailed"])
    program.check(run, commands[language](), cluster.urls[0], without, tag_of(partition, "program"), partition)


@pytest.mark.parametrize(("key", "partition"), [
    ("", 2), ("a", 31), ("orders/1", 43), ("42", 17), ("{42}", 17), ("orders/{42}/lines", 17), ("mailbox/\u00e9", 10), ("{}x", 52), ("a{}b{c}", 61)])
def test_keys_are_where_the_documentation_says(key, partition):
    assert partition_of(key.encode(), 64) == partition
    assert partition_of(key.encode(), 1) == 0


def test_what_has_no_partition_is_refused():
    for partitions in (0, 4097, True, "8"):
        with pytest.raises((TypeError, ValueError), match="partitions must be"):
            partition_of(b"a", partitions)
    with pytest.raises(TypeError, match="key must be bytes"):
        partition_of("a", 8)


def test_keys_are_where_the_nodes_say(cluster):
    drawn = random.Random(8)
    for _ in range(40):
        key = bytes(drawn.choice(b"ab{}\x00\xff") for _ in range(drawn.randint(1, 12)))
        query = {"key_base64": base64.urlsafe_b64encode(key).decode(), "partition": partition_of(key, PARTITIONS)}
        status, told = request(f"{cluster.urls[0]}/api/v1/log/count?{urllib.parse.urlencode(query)}")
        assert status == 200, (key, told)
        query["partition"] = (query["partition"] + 1) % PARTITIONS
        status, told = request(f"{cluster.urls[0]}/api/v1/log/count?{urllib.parse.urlencode(query)}")
        assert status == 400 and "partition" in told, (key, told)


def test_every_key_is_appended_once_and_read_again(cluster):
    """The producers of a client count per partition, and so does what it remembers, also while it does not know of a cluster yet."""
    with LogClient(cluster.urls[0]) as client:
        for value in (b"0", b"1", b"2"):
            for key in KEYS:
                assert client.append([(key, value)], await_durable=value == b"1").duplicate is False
        for key in KEYS:
            assert [record.value for record in client.scan(key)] == [b"0", b"1", b"2"]
            assert client.count(key) == 3
        assert client.at_least == 0
        listed = {key for partition in range(PARTITIONS) for key in client.keys(partition=partition)}
        assert listed >= set(KEYS)
        with pytest.raises(opendata_log.SpansPartitions):
            client.append([(key, b"") for key in KEYS])
        everywhere = list(client.keys())
        assert everywhere == sorted(set(everywhere)) and set(everywhere) >= set(KEYS)


def test_an_append_is_split_by_partition_and_says_what_became_of_each_part(cluster):
    keys = [b"split-" + key for key in KEYS]
    with LogClient(cluster.urls[0]) as client:
        for number in range(3):
            before = {key: client.count(key) for key in keys}
            parts = client.append_split([(key, str(number).encode()) for key in keys * 2], await_durable=number == 1)
            assert [part.partition for part in parts] == list(range(PARTITIONS))
            assert {part.outcome for part in parts} == {"applied"} and sum(part.count for part in parts) == 2 * len(keys)
            for part in parts:
                of_part = [key for key in keys if partition_of(key, PARTITIONS) == part.partition]
                assert part.count == 2 * len(of_part)
                read = [(record.key, record.sequence) for record in client.scan(Keys(of_part), start=part.start)]
                # In the order of the request, and one after the other.
                assert read == [(key, part.start + at) for at, key in enumerate(of_part * 2)]
            assert {key: client.count(key) for key in keys} == {key: count + 2 for key, count in before.items()}


def test_parts_that_are_refused_leave_the_others_applied(cluster):
    one, other, third = (tag_of(partition, "refused").encode() for partition in (1, 2, 3))
    with LogClient(cluster.urls[1]) as client:
        client.append([(one, b"first")])
        with pytest.raises(opendata_log.PartlyApplied) as told:
            client.append_split([(third, b""), (one, b""), (other, b"")], if_no_record_since={one: 0, other: 0})
        assert (told.value.status, told.value.is_unknown_outcome, told.value.retry_after) == (409, False, None)
        assert [(part.partition, part.outcome, part.code) for part in told.value.parts] == [
            (1, "refused", "conflict"), (2, "applied", None), (3, "applied", None)]
        assert [client.count(key) for key in (one, other, third)] == [1, 1, 1]
        # Now all parts are.
        with pytest.raises(opendata_log.Conflict) as told:
            client.append_split([(one, b""), (other, b"")], if_no_record_since={one: 0, other: 0})
        assert [part.outcome for part in told.value.parts] == ["refused", "refused"]
        with pytest.raises(opendata_log.InvalidArgument, match="has no records"):
            client.append_split([(one, b"")], if_no_record_since={other: 0})
        assert [client.count(key) for key in (one, other)] == [1, 1]


def read(pages):
    """The values of each key on pages, and where the last one ends."""
    values, positions = {}, {}
    for page in pages:
        for record in page.records:
            values.setdefault(record.key, []).append(record.value)
        positions = page.positions
    return values, positions


def test_all_partitions_are_read_page_by_page_each_record_once(cluster):
    keys = [b"unordered-" + key for key in KEYS]
    with LogClient(cluster.urls[0]) as client:
        for value in (b"0", b"1", b"2"):
            client.append_split([(key, value) for key in keys])
        for page in (1, 7, 1000):
            values, positions = read(client.scan_unordered(b"unordered-", page=page))
            assert values == {key: [b"0", b"1", b"2"] for key in keys}
            assert sorted(positions) == list(range(PARTITIONS))
        # From where it ended, at another node.
        client.append_split([(key, b"3") for key in keys])
    with LogClient(cluster.urls[1], cluster=False) as client:
        assert read(client.scan_unordered(b"unordered-", positions=positions))[0] == {key: [b"3"] for key in keys}
        # Of one partition, and of one tag.
        of_one = [key for key in keys if partition_of(key, PARTITIONS) == 3]
        values, positions = read(client.scan_unordered(b"unordered-", partition=3))
        assert sorted(values) == sorted(of_one) and list(positions) == [3]
        tag = tag_of(5, "unordered").encode()
        client.append([(tag + b"/a", b"v")])
        values, positions = read(client.scan_unordered(tag))
        assert values == {tag + b"/a": [b"v"]} and list(positions) == [5]
        with pytest.raises(opendata_log.InvalidArgument, match="positions: 8"):
            list(client.scan_unordered(b"", positions={8: 0}))
        for wrong in ({"positions": [0]}, {"positions": {0: -1}}, {"page": 0}, {"partition": -1}, {"visibility": "none"}):
            with pytest.raises((TypeError, ValueError), match=next(iter(wrong))):
                client.scan_unordered(b"", **wrong)


def test_asyncio_does_the_same(cluster):
    async def main():
        async with AsyncLogClient(cluster.urls[1]) as client:
            for value in (b"0", b"1"):
                await asyncio.gather(*(client.append([(b"async-" + key, value)], await_durable=True) for key in KEYS))
            for key in KEYS:
                assert [record.value async for record in client.scan(b"async-" + key)] == [b"0", b"1"]
            parts = await client.append_split([(b"async-" + key, b"2") for key in KEYS])
            assert sum(part.count for part in parts) == len(KEYS)
            values, positions = read([page async for page in client.scan_unordered(b"async-", page=9)])
            assert values == {b"async-" + key: [b"0", b"1", b"2"] for key in KEYS} and len(positions) == PARTITIONS

    asyncio.run(main())


@pytest.mark.parametrize("at", [0, 1])
def test_requests_go_to_the_node_that_serves_their_partition(cluster, at):
    with LogClient(cluster.urls[at]) as client:
        for key in KEYS:
            client.count(key)
        before = cluster.forwarded()
        for partition, url in enumerate(cluster.map()):
            tag = tag_of(partition, f"direct-{at}").encode()
            client.append([(tag, b"0")])
            assert list(client.append_many([[(tag, b"1")], [(tag + b"x", b"2")]]))[-1].count == 1
            assert client.count(tag) == len(list(client.scan(tag))) == 2, url
            assert len(client.last(tag, 1).records) == 1
            assert len(list(client.scan(Prefix(tag)))) == 3
            assert [record.value for record in client.tail(tag, end=client.append([(tag, b"3")], await_durable=True).start + 1)][-1] == b"3"
            cursor = tag.decode()
            client.move_cursor(cursor, 1)
            assert client.cursor(cursor).position == 1
            assert cursor in [each.name for each in client.cursors(partition=partition)]
            assert tag in list(client.keys(prefix=tag, partition=partition))
            assert client.segments(partition=partition) and client.delete_cursor(cursor)
            batch = next(iter(client.consume(Prefix(tag), cursor)))
            assert len(batch) == 4
            assert client.trim_before(0, partition=partition) == 0
            assert client.delete_key(tag, 1) >= 1
        assert cluster.forwarded() == before


def test_a_client_that_is_told_not_to_asks_its_own_node_alone(cluster):
    with LogClient(cluster.urls[0], cluster=False) as client:
        before = cluster.forwarded()
        for value in (b"0", b"1"):
            for key in KEYS:
                client.append([(b"own-" + key, value)])
        elsewhere = sum(cluster.map("a")[partition_of(b"own-" + key, PARTITIONS)] != cluster.urls[0] for key in KEYS)
        assert cluster.forwarded() - before >= 2 * elsewhere > 0


def test_a_client_that_is_told_so_asks_for_the_map_first(cluster):
    with LogClient(cluster.urls[0], cluster=True) as client:
        before = cluster.forwarded()
        for key in KEYS:
            list(client.append_many([[(b"first-" + key, b"")]]))
        assert cluster.forwarded() == before


def test_a_stream_of_appends_is_of_one_partition(cluster):
    one, other = (tag_of(partition, "stream").encode() for partition in (1, 2))
    with LogClient(cluster.urls[0]) as client:
        # The producer of the first stream is that of another partition for the second one.
        for tag in (one, other, one, other):
            assert len(list(client.append_many([[(tag, b"0")], [(tag, b"1")]]))) == 2
        outcomes = client.append_many([[(one, b"2")], [(other, b"2")], [(one, b"3")]])
        assert next(outcomes).count == 1
        with pytest.raises(opendata_log.InvalidArgument, match="partition"):
            next(outcomes)
        assert client.count(one) == 5 and client.count(other) == 4


def test_the_contract_holds_at_a_node(cluster, run, tmp_path):
    # In each partition there is what streams end with: see `requests_that_end`.
    for partition in range(PARTITIONS):
        key = base64.b64encode(tag_of(partition, "orders").encode()).decode()
        records = json.dumps({"records": [{"key": key, "value": ""}] * APPENDED}).encode()
        assert request(f"{cluster.urls[2]}/api/v1/log/append", data=records)[0] == 200
    said = run(VENV / "st", "--config-file", OPENAPI / "tests/schemathesis.toml", "run", f"{cluster.urls[2]}/openapi.json", "--seed", 1,
               "--phases", "examples,coverage,stateful", cwd=tmp_path, env={"PYTHONPATH": str(OPENAPI / "tests")})
    assert "Tested: 19" in said, said


def test_a_node_that_is_killed_loses_nothing(cluster):
    """Also of a client whose own URL is that of the node, once it knows the others."""
    retry = Retry(attempts=30, pause=0.1, longest_pause=1.0)
    stopped = threading.Event()
    appended: dict[int, dict[bytes, list[bytes]]] = {}
    failed: list[Exception] = []

    def append(at: int):
        try:
            with LogClient(cluster_urls[at], retry=retry) as client:
                number = 0
                while not stopped.is_set():
                    for key in KEYS[:20]:
                        value = f"{at}-{number}".encode()
                        client.append([(b"killed-" + key, value)], await_durable=True)
                        appended.setdefault(at, {}).setdefault(b"killed-" + key, []).append(value)
                    number += 1
        except Exception as error:
            failed.append(error)

    cluster_urls = cluster.urls
    threads = [threading.Thread(target=append, args=[at]) for at in (0, 1)]
    for thread in threads:
        thread.start()
    while len(appended) < 2 or any(len(found) < 20 for found in appended.values()):
        assert not failed, failed
        stopped.wait(0.05)
    cluster.kill("b")
    cluster.until_served("a", "c")
    stopped.wait(1)
    stopped.set()
    for thread in threads:
        thread.join(60)
    assert failed == []
    with LogClient(cluster.urls[0]) as client:
        for key in appended[0]:
            found = [record.value for record in client.scan(key)]
            assert sorted(found) == sorted(appended[0][key] + appended[1][key]), key
            for at in (0, 1):
                assert [value for value in found if value.startswith(f"{at}-".encode())] == appended[at][key]
    cluster.restart("b")


@pytest.mark.parametrize("language", ["typescript", "rust"])
def test_a_layer_goes_to_the_nodes_directly(cluster, run, request, language):
    command = cluster_program(language, run, request)
    with LineProgram([*command, cluster.urls[0]]) as client:
        # Until it knows the map, its requests are passed on, and its producers are those of one log.
        for number in range(3):
            keys = [f"{language}-{number}-{each}" for each in range(16)]
            before = cluster.forwarded()
            client.order({"keys": keys, "partitions": PARTITIONS})
            assert client.became() == [[4, 4, 4, 1, True]] * len(keys)
            assert (cluster.forwarded() > before) is (number == 0), number


@pytest.mark.parametrize("language", ["typescript", "rust"])
def test_a_layer_reads_all_partitions(cluster, run, request, language):
    command, prefix = cluster_program(language, run, request), f"unordered-{language}-"
    keys = [f"{prefix}{number}" for number in range(20)]
    with LogClient(cluster.urls[1]) as log, LineProgram([*command, cluster.urls[0]]) as client:
        positions = []
        for value in ("0", "1"):
            log.append_split([(key.encode(), value.encode()) for key in keys] * 2)
            client.order({"prefix": prefix, "positions": positions, "page": 7})
            told = client.became()
            assert told["values"] == {key: [value] * 2 for key in keys}
            positions = told["positions"]
            assert sorted(position["partition"] for position in positions) == list(range(PARTITIONS))


def cluster_program(language: str, run, request) -> list:
    """The program that uses a cluster, built if it must be."""
    if language == "typescript":
        return ["node", request.getfixturevalue("built") / "dist/cluster_program.js"]
    run("cargo", "build", "--locked", "--quiet", "--workspace", "--examples", cwd=ROOT, seconds=1800)
    return [ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug/examples/cluster"]
