"""What the Python client reads beside whole keys: the last records of one."""

import sys

import pytest

from conftest import OPENAPI

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
