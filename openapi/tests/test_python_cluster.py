"""Where the Python client sends its requests: to one server, or to the nodes of a cluster that a server in front of a live one pretends to be."""

import json
import sys
from urllib.parse import urlsplit

import pytest
from processes import free_ports

from conftest import OPENAPI
from scripted import Raw, Scripted

sys.path.insert(0, str(OPENAPI / "clients/python"))

import opendata_log  # noqa: E402
from awaited import Awaited  # noqa: E402
from opendata_log import LogClient, Retry, partition_of  # noqa: E402
from opendata_log.cluster import Cluster  # noqa: E402
from opendata_log.partitions import about  # noqa: E402

MAP = "/api/v1/cluster"
# Of the partitions 0 and 1 of two.
KEYS = [next(key for key in (f"key-{number}".encode() for number in range(99)) if partition_of(key, 2) == partition) for partition in (0, 1)]


@pytest.fixture(params=[LogClient, Awaited], ids=["blocking", "asyncio"])
def client_of(request):
    """Makes clients, of the one kind and of the other."""
    return request.param


def nodes(*urls: str | None) -> Raw:
    """A map."""
    partitions = [{"partition": number, "url": url, "state": "serving"} for number, url in enumerate(urls)]
    return Raw(json.dumps({"status": "success", "partitions": partitions, "nodes": []}).encode())


def moved(url: str) -> Raw:
    """A count that a node passed on to another one."""
    return Raw(b'{"status":"success","count":7}', headers={"log-moved": url})


def paths(server: Scripted) -> list[str]:
    return [urlsplit(path).path for path, _ in server.requests]


def dead() -> str:
    return f"http://127.0.0.1:{free_ports(1)[0]}"


def test_a_client_of_a_single_log_never_asks_for_a_map(serve, client_of):
    with Scripted(serve(), []) as server, client_of(server.url) as client:
        for key in KEYS * 2:
            client.append([(key, b"")], await_durable=True)
            assert client.count(key) > 0 and len(list(client.scan(key))) > 0
            client.move_cursor("cursor", 1)
        assert len(list(client.keys())) == len(KEYS) and list(client.keys(partition=0)) == list(client.keys())
        assert MAP not in paths(server)


def test_after_log_moved_it_asks_once_and_goes_to_the_node(serve, client_of):
    url = serve()
    with Scripted(url, []) as other, Scripted(url, []) as server, client_of(server.url) as client:
        server._script.extend([moved(other.url), nodes(server.url, other.url)])
        assert client.count(KEYS[1]) == 7
        for key in KEYS * 3:
            client.count(key)
        assert paths(server).count(MAP) == 1 and len(server.requests) == 5 and len(other.requests) == 3
        # A node that is known to have it need not be asked for.
        server._script.extend([moved(server.url)])
        assert client.count(KEYS[0]) == 7
        assert paths(server).count(MAP) == 1


def test_a_node_that_cannot_be_reached_is_left_out(serve, client_of):
    with Scripted(serve(), []) as server, client_of(server.url, retry=Retry(attempts=1)) as client:
        gone = dead()
        server._script.extend([moved(gone), nodes(server.url, gone)])
        client.count(KEYS[1])
        server.requests.clear()
        client.append([(KEYS[1], b"")])
        assert client.count(KEYS[1]) == 1 and len(server.requests) == 2


def test_any_node_is_asked_when_the_own_one_cannot_be_reached(serve, client_of):
    url = serve()
    with Scripted(url, []) as other, client_of(other.url, retry=Retry(attempts=1)) as client:
        with Scripted(url, [moved(other.url), nodes(dead(), other.url)]) as server:
            client = client_of(server.url, retry=Retry(attempts=1)).__enter__()
            client.count(KEYS[1])
        assert client.count(KEYS[0]) == 0 and client.count(KEYS[1]) == 0
        client.__exit__(None, None, None)
        assert paths(other) == ["/api/v1/log/count"] * 2


def test_a_node_that_is_unavailable_is_left_out_for_a_while(serve, client_of):
    url = serve()
    with Scripted(url, []) as other, Scripted(url, []) as server, client_of(server.url, retry=Retry(attempts=2, pause=0.01)) as client:
        server._script.extend([moved(other.url), nodes(server.url, other.url)])
        client.count(KEYS[1])
        other._script.append((503, "unavailable", {"retry-after": "0"}))
        server.requests.clear()
        assert client.count(KEYS[1]) == 0
        assert len(other.requests) == 1 and paths(server) == ["/api/v1/log/count"]


def test_a_client_that_may_not_ask_or_is_told_not_to_stays_where_it_is(serve, client_of):
    for settings, answer in [({}, (403, "permission_denied", {})), ({"cluster": False}, nodes(dead(), dead()))]:
        with Scripted(serve(), [moved(dead()), answer, *[moved(dead())] * 3]) as server, client_of(server.url, **settings) as client:
            for _ in range(4):
                assert client.count(KEYS[1]) == 7
            assert paths(server).count(MAP) == 1, settings


def test_the_cluster_is_asked_for_first_if_that_is_wanted(serve, client_of):
    url = serve()
    with Scripted(url, []) as other, Scripted(url, []) as server, client_of(server.url, cluster=True) as client:
        server._script.append(nodes(server.url, other.url))
        # The live server has one partition.
        with pytest.raises(opendata_log.InvalidArgument, match="partition: 1"):
            list(client.append_many([[(KEYS[1], b"")]]))
        assert paths(server) == [MAP]
        assert [path for path, _ in other.requests] == ["/api/v1/log/session?partition=1"]


def test_what_goes_over_tls_does_not_go_without_it_to_others():
    told = Cluster("https://log.example", None)
    told._told(httpx_response([{"url": "http://a.example"}, {"url": "https://b.example/"}, {"url": "ftp://c"}, {}]))
    assert told._map.urls == (None, "https://b.example", None, None)
    assert set(told.targets(about(b"x"))) == {"https://log.example", "https://b.example"}


def httpx_response(partitions: list):
    import httpx

    return httpx.Response(200, json={"partitions": partitions})


def test_a_producer_of_one_partition_is_not_that_of_another(serve, client_of):
    """The second append is refused by the other partition, which does not know the producer: nothing was lost."""
    unknown = (409, "producer_unknown", {})
    with Scripted(serve(), [None, unknown, nodes(None, None)]) as server, client_of(server.url) as client:
        client.append([(KEYS[0], b"")])
        client.append([(KEYS[1], b"")])
        client.append([(KEYS[0], b"")])
        producers = [json.loads(body)["producer"] for body in server.bodies if body]
    sent = [(producer["id"], producer["sequence"]) for producer in producers]
    first, other = sent[0][0], sent[2][0]
    assert sent == [(first, 0), (first, 1), (other, 0), (first, 1)] and first != other


def test_a_named_producer_counts_per_partition(serve, client_of):
    unknown = (409, "producer_unknown", {})
    named = opendata_log.Producer("orders", epoch=5)
    with Scripted(serve(), [None, unknown, nodes(None, None)]) as server, client_of(server.url, producer=named) as client:
        client.append([(KEYS[0], b"")])
        # The live server has one log, in which this is the first request again.
        with pytest.raises(opendata_log.LogError):
            client.append([(KEYS[1], b"")])
        producers = [json.loads(body)["producer"] for body in server.bodies if body]
    assert [(each["id"], each["epoch"], each["sequence"]) for each in producers] == [("orders", 5, 0), ("orders", 5, 1), ("orders", 5, 0)]


def test_what_was_seen_of_one_partition_is_not_required_of_another(serve, client_of):
    behind = (503, "behind", {"retry-after": "0"})
    with Scripted(serve(), [None, behind, nodes(None, None)]) as server, client_of(server.url, retry=Retry(attempts=2, pause=0.01)) as client:
        client.append([(KEYS[0], b"")], await_durable=True)
        assert client.count(KEYS[1]) == 0
        assert ["at_least" in path for path, _ in server.requests] == [False, True, False, False]


def test_an_append_that_is_split_is_repeated_only_if_nothing_was_applied_and_tells_its_parts(serve, client_of):
    def told(code: str, status: int, *outcomes: str, **headers: str) -> Raw:
        parts = [{"partition": at, "outcome": outcome, "count": 1} | ({"startSequence": 7} if outcome == "applied" else {"code": "unavailable"})
                 for at, outcome in enumerate(outcomes)]
        return Raw(json.dumps({"status": "error", "message": "scripted", "code": code, "parts": parts}).encode(), status, headers=headers)

    script = [
        told("unavailable", 503, "refused", **{"retry-after": "0"}), None, told("deadline_exceeded", 504, "applied", "unknown"),
        "lost answer", told("partly_applied", 409, "applied", "refused")]
    with Scripted(serve(), script) as unsure, client_of(unsure.url, retry=Retry(pause=0.01)) as client:
        assert client.append_split([(b"orders", b"first")]) == [opendata_log.AppendPart(0, "applied", 1, 0)]
        for outcomes in (["applied", "unknown"], []):
            with pytest.raises(opendata_log.OutcomeUnknown) as error:
                client.append_split([(b"orders", b"second")])
            assert error.value.is_unknown_outcome and [part.outcome for part in error.value.parts] == outcomes
        with pytest.raises(opendata_log.PartlyApplied) as error:
            client.append_split([(b"orders", b"third")])
        assert [(part.start, part.code) for part in error.value.parts] == [(7, None), (None, "unavailable")]
        assert not error.value.is_unknown_outcome and len(unsure.requests) == len(script)
