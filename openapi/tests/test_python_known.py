"""What the Python client passes on of what it appended and read, so that read-only servers show it, and what they refuse."""

import sys
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from conftest import OPENAPI
from scripted import Raw, Scripted

sys.path.insert(0, str(OPENAPI / "clients/python"))

import opendata_log  # noqa: E402
from awaited import Awaited  # noqa: E402
from opendata_log import Keys, Prefix, Retry  # noqa: E402

KEY = b"orders"
RETRY = Retry(attempts=3, pause=0.05)


@pytest.fixture(params=[opendata_log.LogClient, Awaited], ids=["blocking", "asyncio"])
def client_of(request):
    """Makes clients, of the one kind and of the other."""
    return request.param


def at_least(client):
    """`LogClient.at_least`; `Awaited` makes a call of everything."""
    return client.at_least if isinstance(client, opendata_log.LogClient) else client._client.at_least


def passed(server: Scripted) -> list[str | None]:
    """What each request required to be shown."""
    return [parse_qs(urlsplit(path).query).get("at_least", [None])[0] for path, _ in server.requests]


def page(following: int, durable: int | None) -> Raw:
    told = b'{"status":"success","key":"b3JkZXJz","values":[],"nextSequence":%d}' % following
    return Raw(told, headers={} if durable is None else {"log-durable-sequence": str(durable)})


def read_all(client):
    """One read of each kind."""
    list(client.scan(KEY))
    list(client.scan(Keys([KEY])))
    client.last(KEY, 1)
    client.follow_once(Prefix(), wait=1)
    client.count(KEY)
    list(client.keys())
    next(iter(client.tail(KEY)))


def test_reads_require_what_was_appended_once_that_is_durable(serve, client_of):
    with Scripted(serve(), []) as server, client_of(server.url) as client, client_of(server.url, read_your_writes=False) as forgetful:
        client.append([(KEY, b"0")])
        read_all(client)
        assert passed(server)[:2] == [None, None] and at_least(client) <= 1, "only what a page said to be durable"
        client.append([(KEY, b"1"), (KEY, b"2")], await_durable=True)
        assert at_least(client) == 3
        server.requests.clear()
        read_all(client)
        assert set(passed(server)) == {"3"}
        server.requests.clear()
        assert client.count(KEY, at_least=2) == client.count(KEY, at_least=0) == 3
        assert passed(server) == ["2", None]
        server.requests.clear()
        forgetful.append([(KEY, b"3")], await_durable=True)
        read_all(forgetful)
        assert set(passed(server)) == {None} and at_least(forgetful) == 4
        client.remember(at_least(forgetful)) if client_of is opendata_log.LogClient else client._client.remember(4)
        assert at_least(client) == 4


def test_a_page_is_remembered_as_far_as_it_is_durable(serve, client_of):
    told = [(5, None, 0), (5, 3, 3), (6, 9, 6), (4, 9, 6)]
    with Scripted(serve(), [page(following, durable) for following, durable, _ in told]) as server, client_of(server.url) as client:
        for following, durable, known in told:
            client.follow_once(KEY, wait=0, visibility="durable")
            assert at_least(client) == known, (following, durable)


def test_what_a_crash_undid_is_not_waited_for(seldom_durable, client_of):
    with client_of(seldom_durable.url) as client:
        client.append([(KEY, b"kept")], await_durable=True)
        client.append([(KEY, b"undone")])
        assert [record.value for record in client.tail(KEY, end=2)] == [b"kept", b"undone"] and client.count(KEY) == 2
        assert at_least(client) == 1
        seldom_durable.kill()
        began = time.monotonic()
        assert [record.value for record in client.scan(KEY)] == [b"kept"]
        assert time.monotonic() - began < 4


def test_a_tail_of_what_is_durable_is_remembered(serve, client_of):
    with client_of(serve()) as client:
        client.append([(KEY, b"0")] * 3)
        for record in client.tail(KEY, visibility="durable"):
            if record.sequence == 1:
                break
        assert at_least(client) == 2


def test_a_client_reads_what_it_wrote_from_a_replica(replicated, client_of):
    """Through a balancer that sends reads to the replica, which looks for records once a second."""
    writer, replica = replicated
    with Scripted(writer, [], reads=replica) as balancer, client_of(balancer.url) as client:
        # The connection of a tail is its own, so it may be at the replica, too.
        for number in range(4):
            client.append([(b"orders/%d" % number, b"%d" % number)], await_durable=True)
            match number:
                case 0:
                    assert client.count(b"orders/0") == 1
                case 1:
                    assert [record.value for record in client.scan(Prefix(b"orders/"))] == [b"0", b"1"]
                case 2:
                    assert len(list(client.keys(prefix=b"orders/"))) == 3
                case 3:
                    assert client.last(b"orders/3", 1).records[0].value == b"3"
        with pytest.raises(opendata_log.LogError):
            client.move_cursor("cursor", 1, expected=1)


def test_without_it_a_replica_shows_less(replicated):
    writer, replica = replicated
    with Scripted(writer, [], reads=replica) as balancer, opendata_log.LogClient(balancer.url, read_your_writes=False) as client:
        seen = []
        for _ in range(5):
            client.append([(KEY, b"")], await_durable=True)
            seen.append(client.count(KEY))
        assert seen != [1, 2, 3, 4, 5], "or the other test proves nothing"
        count = client.count(KEY, at_least=client.at_least)
        assert count == 5


BEHIND = (503, "behind", {"retry-after": "0"})


def test_a_read_that_is_behind_is_sent_again_and_then_says_what_may_be_wrong(serve, client_of):
    url = serve()
    with client_of(url) as client:
        client.append([(KEY, b"")] * 3)
    with Scripted(url, [BEHIND, BEHIND]) as server, client_of(server.url, retry=RETRY) as client:
        assert client.count(KEY, at_least=3) == 3 and len(server.requests) == 3
    with Scripted(url, [BEHIND, BEHIND]) as server, client_of(server.url, retry=RETRY) as client:
        assert next(iter(client.tail(KEY, at_least=3))).sequence == 0 and len(server.requests) == 3
    with client_of(url, retry=Retry(attempts=1)) as client:
        with pytest.raises(opendata_log.Behind, match="up to sequence 3, .*below 1000; waited for 100 ms.*restored from a backup") as error:
            client.follow_once(KEY, wait=0.1, at_least=1000)
        assert error.value.retry_after == 1


@pytest.mark.parametrize("wrong", ["2", -1, True])
def test_a_wrong_sequence_is_told_before_anything_is_sent(client_of, wrong):
    with client_of("http://127.0.0.1:1") as client:
        for call in (lambda: list(client.scan(KEY, at_least=wrong)), lambda: client.count(KEY, at_least=wrong)):
            with pytest.raises((TypeError, ValueError), match="at_least must be"):
                call()
    with pytest.raises(TypeError, match="read_your_writes must be"):
        client_of("http://127.0.0.1:1", read_your_writes="yes")


NOT_WRITER = (421, "not_writer", {})


def test_a_server_that_only_reads_is_asked_once_to_change_something(serve, client_of):
    changes = [
        lambda client: client.append([(KEY, b"")]), lambda client: client.trim_before(1), lambda client: client.trim_before_time(1),
        lambda client: client.delete_key(KEY), lambda client: client.delete_key(KEY, before_seq=1),
        lambda client: client.move_cursor("cursor", 1, expected=0), lambda client: client.delete_cursor("cursor")]
    with Scripted(serve(), [NOT_WRITER] * len(changes)) as server, client_of(server.url, retry=RETRY) as client:
        for number, change in enumerate(changes, 1):
            with pytest.raises(opendata_log.NotWriter) as error:
                change(client)
            assert error.value.status == 421 and not error.value.is_unknown_outcome
            assert len(server.requests) == number
