"""What the Python client reads: the last records of a key, and pages that ended because they took too long."""

import pickle
import sys

import pytest

from conftest import OPENAPI
from scripted import Raw, Scripted

sys.path.insert(0, str(OPENAPI / "clients/python"))

import opendata_log  # noqa: E402
from awaited import Awaited  # noqa: E402

KEY = b"orders"


@pytest.fixture(params=[opendata_log.LogClient, Awaited], ids=["blocking", "asyncio"])
def client_of(request):
    """Makes clients, of the one kind and of the other."""
    return request.param


def of(page):
    return [record.sequence for record in page.records], page.next_sequence, page.trimmed_before


def test_the_last_records_come_in_order_and_say_where_a_tail_continues(serve, client_of):
    with client_of(serve()) as client:
        assert of(client.last(KEY, 3)) == ([], 0, None)
        client.append([(KEY, bytes([number])) for number in range(10)])
        client.append([(b"others", b"")], await_durable=True)
        assert of(client.last(KEY, 3)) == ([7, 8, 9], 11, None)
        assert of(client.last(KEY, 100, visibility="durable")) == ([*range(10)], 11, None)
        assert of(client.last(KEY, 3, start_time_ms=99999999999999)) == ([], 11, None)
        client.trim_before(8)
        assert of(client.last(KEY, 2)) == ([8, 9], 11, None), "it misses nothing"
        assert of(client.last(KEY, 3)) == ([8, 9], 11, 8)


@pytest.mark.parametrize(("count", "error"), [(0, ValueError), (-1, ValueError), ("2", TypeError), (True, TypeError)])
def test_a_wrong_number_of_last_records_is_told_before_anything_is_sent(client_of, count, error):
    with client_of("http://127.0.0.1:1") as client, pytest.raises(error, match="count must be"):
        client.last(KEY, count)


LATE = Raw(b'{"status":"success","key":"b3JkZXJz","values":[],"nextSequence":4,"more":true}')
LATE_KEYS = Raw(b'{"status":"success","keys":[],"nextStartAfter":"b3JkZXJz"}')


def test_a_page_that_is_empty_because_it_took_too_long_is_not_the_end(serve, client_of):
    url = serve()
    with client_of(url) as client:
        client.append([(KEY, bytes([number])) for number in range(6)] + [(b"others", b"")])
    with Scripted(url, [LATE, LATE]) as slow, client_of(slow.url) as client:
        assert [record.sequence for record in client.scan(KEY)] == [4, 5]
    with Scripted(url, [LATE_KEYS]) as slow, client_of(slow.url) as client:
        assert list(client.keys()) == [b"others"]
    with Scripted(url, [LATE]) as slow, client_of(slow.url) as client:
        page = client.follow_once(KEY, wait=0)
        assert (of(page), page.more) == (([4, 5], 7, None), False)
    with Scripted(url, [LATE]) as slow, client_of(slow.url) as client:
        page = client.last(KEY, 9)
        assert (of(page), page.more) == (([], 4, None), True)
        assert pickle.loads(pickle.dumps(page)).more


def test_a_consumer_reads_on_through_pages_that_took_too_long(serve):
    url = serve()
    with opendata_log.LogClient(url) as client:
        client.append([(KEY, bytes([number])) for number in range(6)])
    with Scripted(url, [None, LATE, LATE]) as slow, opendata_log.LogClient(slow.url) as client:
        assert [record.sequence for record in next(iter(client.consume(KEY, "cursor")))] == [4, 5]
