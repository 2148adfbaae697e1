"""What only the Python clients do with a stream of appends: its errors, and the thread in which it is iterated."""

import contextvars
import sys
import threading
import time
from contextlib import closing

import pytest

from conftest import OPENAPI

sys.path.insert(0, str(OPENAPI / "clients/python"))

import opendata_log  # noqa: E402
from awaited import Awaited  # noqa: E402
from sessions import Connection, Sessions  # noqa: E402

MIB = 1024 * 1024

caller = contextvars.ContextVar("caller", default="nobody")


@pytest.fixture(params=[opendata_log.LogClient, Awaited], ids=["blocking", "asyncio"])
def client_of(request):
    """Makes clients, of the one kind and of the other."""
    return request.param


def test_an_error_of_the_input_is_raised_at_its_place(serve, client_of):
    def raising():
        yield from ([(b"k", b"%d" % number)] for number in range(3))
        raise KeyError("at its place")

    def wrong():
        yield [(b"k", b"0")]
        yield [("a text", b"1")]

    def broken_within():
        yield [(b"k", b"0")]
        yield ((b"k", b"%d" % (1 // (1 - number))) for number in range(2))

    with client_of(serve()) as client:
        for appends, raised, count in [(raising, KeyError, 3), (wrong, TypeError, 1), (broken_within, ZeroDivisionError, 1)]:
            done = []
            with pytest.raises(raised):
                for appended in client.append_many(appends()):
                    done.append(appended)
            assert len(done) == count
        # The producer of none of them is of harm.
        assert len(list(client.append_many([[(b"k", b"0")]] * 3))) == 3
        assert client.count(b"k") == 8


def test_a_slow_network_is_no_silence(client_of):
    def slow(connection: Connection):
        connection.open()
        # By then it has been silent for longer than the timeout, but took more all the time.
        for _ in range(12):
            time.sleep(0.25)
            connection.appends(1)
        for number in range(12):
            connection.answer(number)
        for number in range(12, 24):
            connection.appends(1)
            connection.answer(number)
        connection.end()

    with Sessions(slow, buffer=MIB // 4) as server, client_of(server.url, timeout=2.0) as client:
        large = [[(b"k", bytes(MIB))]] * 24
        assert len(list(client.append_many(large, outstanding_bytes=64 * MIB))) == 24
        assert server.connections == 1


def test_the_input_is_in_the_context_of_its_caller(serve):
    def appends():
        yield [(b"k", caller.get().encode())]

    caller.set("somebody")
    with opendata_log.LogClient(serve()) as client:
        list(client.append_many(appends()))
        assert [record.value for record in client.scan(b"k")] == [b"somebody"]


def test_the_thread_of_the_input_ends_when_the_caller_leaves(serve):
    goes_on, was_closed = threading.Event(), threading.Event()

    def appends():
        try:
            yield [(b"k", b"0")]
            goes_on.wait(10)
            yield [(b"k", b"1")]
        finally:
            was_closed.set()

    def threads():
        return [thread for thread in threading.enumerate() if thread.name == "opendata-log appends"]

    with opendata_log.LogClient(serve()) as client:
        began = time.monotonic()
        with closing(client.append_many(appends())) as outcomes:
            assert next(outcomes).count == 1
            assert len(threads()) == 1
        # Nothing waits for an input that pauses.
        assert time.monotonic() - began < 5 and not was_closed.is_set()
        goes_on.set()
        assert was_closed.wait(5)
        assert client.count(b"k") == 1
    end = time.monotonic() + 5
    while threads():
        assert time.monotonic() < end
        time.sleep(0.01)
