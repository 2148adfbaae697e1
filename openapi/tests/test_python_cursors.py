"""What the Python client does of cursors: it moves them alone or with records, and consumers go on where they are."""

import asyncio
import sys
import threading
from contextlib import aclosing

import pytest

from conftest import OPENAPI
from scripted import Scripted

sys.path.insert(0, str(OPENAPI / "clients/python"))

import opendata_log  # noqa: E402
from awaited import Awaited  # noqa: E402
from opendata_log import AsyncLogClient, CursorMove, Keys, Prefix, Retry  # noqa: E402

RETRY = Retry(attempts=3, pause=0.05)
KEY, RESULTS = b"\x00orders/\xff", b"results"
NAME = "projection/of orders"


@pytest.fixture(params=[opendata_log.LogClient, Awaited], ids=["blocking", "asyncio"])
def client_of(request):
    """Makes clients, of the one kind and of the other."""
    return request.param


def test_the_python_client_moves_lists_and_deletes_cursors(serve, tokens, client_of):
    with client_of(serve()) as client:
        client.append([(KEY, b"")] * 5)
        assert client.cursor(NAME) is None
        made = client.move_cursor(NAME, 2, expected=0)
        assert (made.name, made.position, made.lag) == (NAME, 2, 3) and made.updated_ms > 0
        assert client.cursor(NAME) == made
        with pytest.raises(opendata_log.Conflict) as conflict:
            client.move_cursor(NAME, 3, expected=1)
        assert (conflict.value.cursor, conflict.value.position, conflict.value.key) == (NAME, 2, b"")
        with pytest.raises(opendata_log.InvalidArgument):
            client.move_cursor(NAME, 6)
        for each in range(3):
            client.move_cursor(f"other-{each}", each)
        assert [found.name for found in client.cursors()] == ["other-0", "other-1", "other-2", NAME]
        assert [found.position for found in client.cursors(prefix="other-")] == [0, 1, 2]
        assert client.delete_cursor(NAME) and not client.delete_cursor(NAME) and client.cursor(NAME) is None
    with client_of(serve(LOG_AUTH__TOKENS=tokens), token="reader-token-of-the-tests") as reader:
        assert reader.cursor(NAME) is None
        with pytest.raises(opendata_log.PermissionDenied):
            reader.move_cursor(NAME, 0)
        with pytest.raises(opendata_log.PermissionDenied):
            reader.delete_cursor(NAME)


def test_the_python_client_appends_records_and_moves_cursors_or_neither(serve, client_of):
    with client_of(serve()) as client:
        client.append([(KEY, b"")] * 5)
        assert client.append([(RESULTS, b"")], cursors=[CursorMove(NAME, 5, expected=0)]).start == 5
        with pytest.raises(opendata_log.Conflict) as conflict:
            client.append([(RESULTS, b"")], cursors=[CursorMove("another", 1), CursorMove(NAME, 6, expected=4)])
        assert (conflict.value.cursor, conflict.value.position) == (NAME, 5)
        assert client.count(RESULTS) == 1 and client.cursor("another") is None


@pytest.mark.parametrize("wrong", ["", ".", "..", "a\n", "é" * 129])
def test_the_python_client_says_which_name_is_none(client_of, wrong):
    with client_of("http://127.0.0.1:1") as client:
        for call in (lambda: client.cursor(wrong), lambda: client.append([(KEY, b"")], cursors=[CursorMove(wrong, 0)])):
            with pytest.raises(ValueError, match="name"):
                call()


def test_the_python_client_finds_out_that_a_move_was_made_whose_answer_was_lost(serve, client_of):
    url = serve()
    with Scripted(url, [None, "lost answer", None, None, "lost answer"]) as unsure, client_of(unsure.url, retry=RETRY) as client:
        client.append([(KEY, b"")] * 2)
        assert client.move_cursor(NAME, 1, expected=0).position == 1
        assert client.append([(RESULTS, b"")], cursors=[CursorMove(NAME, 2, expected=1)]).start == 2
        assert client.cursor(NAME).position == 2 and client.count(RESULTS) == 1
    paths = [path for path, _ in unsure.requests[1:4]]
    assert paths == ["/api/v1/log/cursors/projection%2Fof%20orders"] * 3


def test_consumers_of_python_go_on_where_the_cursor_is(serve):
    """With `append`, each record has one result, although the second consumer processes a batch that the first one did not finish."""
    with opendata_log.LogClient(serve()) as client:
        client.append([(KEY, b"%d" % number) for number in range(6)])
        first = client.consume(KEY, NAME, limit=2)
        batches = iter(first)
        first.append([(RESULTS, record.value) for record in next(batches)])
        late = next(batches)
        second = client.consume(KEY, NAME, limit=2)
        for batch in second:
            second.append([(RESULTS, record.value) for record in batch])
            if batch[-1].value == b"5":
                break
        with pytest.raises(opendata_log.Conflict):
            first.append([(RESULTS, record.value) for record in late])
        with pytest.raises(opendata_log.Conflict):
            first.commit()
        assert [record.value for record in client.scan(RESULTS)] == [b"%d" % number for number in range(6)]
        third = client.consume(KEY, NAME)
        client.append([(KEY, b"6")])
        assert [record.value for record in next(iter(third))] == [b"6"]
        third.commit()
        assert third.committed == client.cursor(NAME).position == 13


PATIENT = Retry(attempts=1000, pause=0.02, longest_pause=1)


def test_a_python_consumer_of_a_prefix_that_commits_itself_goes_on_through_restarts_of_both(restarted, later):
    """Each record is processed, in order; after a restart of the consumer, the batch again in which it ended."""
    with opendata_log.LogClient(restarted.url, retry=PATIENT) as client:
        def append(first):
            for number in range(first, first + 10):
                client.append([(b"orders/%d" % (number % 3), b"%d" % number), (b"payments", b"")], await_durable=True)

        append(0)
        seen = []
        for batch in client.consume(Prefix(b"orders/"), NAME, limit=4, auto_commit=True, visibility="durable"):
            assert all(record.key == b"orders/%d" % (int(record.value) % 3) for record in batch)
            seen += [int(record.value) for record in batch]
            if len(seen) == 8:
                break
        restarted.kill()
        appending = threading.Timer(0.2, append, [10])
        appending.start()
        later(0.3, restarted.kill)
        again = []
        for batch in client.consume(Prefix(b"orders/"), NAME, limit=4, auto_commit=True, visibility="durable"):
            again += [int(record.value) for record in batch]
            if again[-1] == 19:
                break
        appending.join()
    assert seen == [*range(8)] and again == [*range(4, 20)], "the second batch was not committed"


def test_an_asyncio_consumer_of_keys_commits_itself(serve):
    url = serve()

    async def consume():
        async with AsyncLogClient(url) as client:
            await client.append([(KEY, b"0"), (b"others", b"1"), (RESULTS, b"2"), (KEY, b"3"), (RESULTS, b"4")])
            seen = []
            # What gives its keys once.
            consumer = await client.consume(Keys(iter([KEY, RESULTS])), NAME, limit=2, auto_commit=True)
            async with aclosing(aiter(consumer)) as batches:
                async for batch in batches:
                    seen.append([(record.key, record.value) for record in batch])
                    if len(seen) == 2:
                        break
            return seen, consumer.committed, (await client.cursor(NAME)).position

    assert asyncio.run(consume()) == ([[(KEY, b"0"), (RESULTS, b"2")], [(KEY, b"3"), (RESULTS, b"4")]], 3, 3)


@pytest.mark.parametrize(("key", "settings", "error"), [
    ("orders", {}, TypeError), (Keys([]), {}, ValueError), (KEY, {"limit": 0}, ValueError), (KEY, {"auto_commit": 1}, TypeError)])
def test_a_wrong_consumer_is_told_before_anything_is_sent(key, settings, error):
    with opendata_log.LogClient("http://127.0.0.1:1") as client, pytest.raises(error):
        client.consume(key, NAME, **settings)
