"""What the Python client does of deletions: it deletes keys, and its readers are told."""

import sys

import pytest

from conftest import OPENAPI
from scripted import Raw, Scripted

sys.path.insert(0, str(OPENAPI / "clients/python"))

import opendata_log  # noqa: E402
from awaited import Awaited  # noqa: E402
from opendata_log import Retry, Trimmed  # noqa: E402

RETRY = Retry(attempts=3, pause=0.05)
KEY, OTHER = b"\x00orders/\xff", b"other"


@pytest.fixture(params=[opendata_log.LogClient, Awaited], ids=["blocking", "asyncio"])
def client_of(request):
    """Makes clients, of the one kind and of the other."""
    return request.param


def of(records):
    return [record.sequence for record in records]


def test_the_python_client_deletes_a_key_and_its_readers_are_told(serve, tokens, client_of):
    with client_of(serve()) as client:
        client.append([(KEY if number % 2 else OTHER, b"") for number in range(10)])
        seen = []
        assert client.delete_key(KEY, before_seq=4) == 4
        assert client.delete_key(KEY, 2) == 4
        assert of(client.scan(KEY, on_trimmed=seen.append)) == [5, 7, 9] and seen == [Trimmed(KEY, 4)]
        assert client.delete_key(KEY) == 10
        assert of(client.tail(KEY, end=10, on_trimmed=seen.append)) == [] and seen[1:] == [Trimmed(KEY, 10)]
        assert (client.count(KEY, on_trimmed=seen.append), seen[2:]) == (0, [Trimmed(KEY, 10)])
        assert (list(client.keys()), of(client.scan(OTHER, on_trimmed=seen.append)), seen[3:]) == ([OTHER], [0, 2, 4, 6, 8], [])
        with pytest.raises(opendata_log.Conflict) as conflict:
            client.append([(KEY, b"")], if_no_record_since={KEY: 3})
        assert conflict.value.trimmed_before == 10
        client.append([(KEY, b"again")])
        assert client.follow_once(KEY).trimmed_before == 10 and of(client.scan(KEY, start=10)) == [10]
        with pytest.raises(opendata_log.InvalidArgument, match="DELETE .*/api/v1/log/key") as beyond:
            client.delete_key(KEY, before_seq=12)
        assert not beyond.value.is_unknown_outcome
    with client_of(serve(LOG_AUTH__TOKENS=tokens), token="reader-token-of-the-tests") as reader:
        with pytest.raises(opendata_log.PermissionDenied):
            reader.delete_key(KEY)


UNSURE = [(504, "deadline_exceeded", {}), "lost answer", "page 502", Raw(b"{}"), Raw(b'{"status":"success","trimmedBefore":"5"}')]


@pytest.mark.parametrize("step", UNSURE, ids=["deadline", "lost-answer", "page", "nothing", "no-number"])
def test_the_python_client_repeats_a_deletion_of_unknown_outcome_only_below_a_sequence(serve, step, client_of):
    """One of all records would also delete what was appended after it was applied."""
    with Scripted(serve(), [None, step]) as unsure, client_of(unsure.url, retry=RETRY) as client:
        client.append([(KEY, b"")])
        with pytest.raises(opendata_log.OutcomeUnknown):
            client.delete_key(KEY)
        assert len(unsure.requests) == 2
        assert client.delete_key(KEY) == 1
    with Scripted(serve(), [None, step]) as unsure, client_of(unsure.url, retry=RETRY) as client:
        client.append([(KEY, b"")])
        assert client.delete_key(KEY, before_seq=1) == 1
    paths = [path for path, _ in unsure.requests[1:]]
    assert len(paths) == 2 and paths[0] == paths[1] and "before_seq=1" in paths[0], paths


def test_the_python_client_repeats_a_deletion_that_was_not_applied(serve, client_of):
    refusals = [(429, "overloaded", {"retry-after": "0"}), (503, "unavailable", {"retry-after": "0"})]
    with Scripted(serve(), [None, *refusals]) as busy, client_of(busy.url, retry=RETRY) as client:
        client.append([(KEY, b"")])
        assert client.delete_key(KEY) == 1
        assert len(busy.requests) == 4
    with client_of("http://127.0.0.1:1", retry=RETRY) as client, pytest.raises(opendata_log.Unavailable, match="cannot be reached"):
        client.delete_key(KEY)
