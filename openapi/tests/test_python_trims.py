"""What the Python client says of trims: it trims, and its pages, counts, scans and tails tell what was trimmed."""

import logging
import pickle
import sys
import time

import pytest

from conftest import OPENAPI
from scripted import HEARTBEAT, Raw, Scripted, events

sys.path.insert(0, str(OPENAPI / "clients/python"))

import opendata_log  # noqa: E402
from awaited import Awaited  # noqa: E402
from opendata_log import Retry, Trimmed  # noqa: E402

RETRY = Retry(attempts=3, pause=0.05)
KEY = b"orders"


@pytest.fixture(params=[opendata_log.LogClient, Awaited], ids=["blocking", "asyncio"])
def client_of(request):
    """Makes clients, of the one kind and of the other."""
    return request.param


def of(records):
    return [record.sequence for record in records]


def ten(url):
    with opendata_log.LogClient(url) as direct:
        direct.append([(KEY, bytes([number])) for number in range(10)])


def trim(url, before):
    with opendata_log.LogClient(url) as direct:
        assert direct.trim_before(before) == before


def test_the_python_client_trims_by_a_sequence_or_a_time_and_is_told_the_floor(serve, tokens, client_of):
    with client_of(serve()) as client:
        client.append([(KEY, b"") for _ in range(10)])
        assert client.trim_before(4) == 4
        assert client.trim_before(2) == 4
        assert client.trim_before_time(0) == 4
        with pytest.raises(opendata_log.InvalidArgument, match="POST .*/api/v1/log/trim"):
            client.trim_before(11)
        with pytest.raises(opendata_log.InvalidArgument):
            client.trim_before_time(int(time.time() * 1000) + 3_600_000)
        time.sleep(0.01)
        assert client.trim_before_time(int(time.time() * 1000)) == 10
        assert client.count(KEY) == 0
    with client_of(serve(LOG_AUTH__TOKENS=tokens), token="reader-token-of-the-tests") as reader:
        with pytest.raises(opendata_log.PermissionDenied):
            reader.trim_before(0)


@pytest.mark.parametrize("step", [(504, "deadline_exceeded", {}), (503, "unavailable", {"retry-after": "0"}), "lost answer"])
def test_the_python_client_repeats_a_trim_whose_outcome_is_unknown(serve, step, client_of):
    url = serve()
    ten(url)
    with Scripted(url, [step]) as unsure, client_of(unsure.url, retry=RETRY) as client:
        assert client.trim_before(5) == 5
    assert unsure.bodies == [b'{"beforeSequence": 5}'] * 2


def test_a_trim_of_the_python_client_that_may_have_been_applied_ends_in_an_unknown_outcome(serve, client_of):
    strange = [Raw(b"{}"), Raw(b'{"status":"success","trimmedBefore":"5"}'), "page 502", Raw(b'{"status":"success"}'), "lost answer"]
    repeated = [step for step in strange for _ in range(RETRY.attempts)]
    refused_later = [(504, "deadline_exceeded", {}), (429, "overloaded", {"retry-after": "99"})]
    with Scripted(serve(), [*repeated, *refused_later]) as gateway, client_of(gateway.url, retry=RETRY) as client:
        for _ in strange:
            with pytest.raises(opendata_log.OutcomeUnknown):
                client.trim_before(0)
        assert len(gateway.requests) == len(repeated)
        with pytest.raises(opendata_log.OutcomeUnknown, match="an earlier attempt of the trim may have been applied; the last one: scripted"):
            client.trim_before(0)


def test_a_trim_of_the_python_client_that_was_not_applied_is_told_as_what_refused_it(serve, client_of):
    refusals = [(429, "overloaded", {"retry-after": "99"}), "page 413", (403, "permission_denied", {})]
    kinds = [opendata_log.Overloaded, opendata_log.UnexpectedAnswer, opendata_log.PermissionDenied]
    with Scripted(serve(), refusals) as busy, client_of(busy.url, retry=RETRY) as client:
        for kind in kinds:
            with pytest.raises(kind) as told:
                client.trim_before(0)
            assert not told.value.is_unknown_outcome
    with client_of("http://127.0.0.1:1", retry=RETRY) as client, pytest.raises(opendata_log.Unavailable, match="cannot be reached"):
        client.trim_before(0)


def test_a_count_that_no_log_server_tells_is_an_error_in_the_python_client(serve, client_of):
    with Scripted(serve(), [Raw(b'{"status":"success","count":1,"trimmedBefore":"5"}')]) as gateway:
        with client_of(gateway.url, retry=RETRY) as client, pytest.raises(opendata_log.UnexpectedAnswer):
            client.count(KEY)


def test_pages_counts_and_scans_of_the_python_client_tell_what_was_trimmed(serve, client_of, caplog):
    url = serve()
    ten(url)
    with client_of(url) as client:
        assert client.follow_once(KEY).trimmed_before is None
        trim(url, 6)
        page = client.follow_once(KEY, limit=3)
        records, following = page
        assert (of(records), following, page.records, page.next_sequence, page.trimmed_before) == ([6, 7, 8], 9, records, 9, 6)
        assert pickle.loads(pickle.dumps(page)).trimmed_before == 6
        assert client.follow_once(KEY, start=following).trimmed_before is None
        seen = []
        assert of(client.scan(KEY, page=2, on_trimmed=seen.append)) == [6, 7, 8, 9] and seen == [Trimmed(KEY, 6)]
        assert of(client.scan(KEY, start=6, on_trimmed=seen.append)) == [6, 7, 8, 9] and len(seen) == 1
        assert of(client.scan(b"other", on_trimmed=seen.append)) == [] and seen[1:] == [Trimmed(b"other", 6)]
        assert (client.count(KEY, on_trimmed=seen.append), client.count(KEY, start=6, on_trimmed=seen.append)) == (4, 4)
        assert seen[2:] == [Trimmed(KEY, 6)]
        assert not caplog.records
        assert (of(client.scan(KEY)), client.count(KEY)) == ([6, 7, 8, 9], 4)
    assert warnings(caplog) == ["records of b'orders' before the sequence 6 were trimmed, and are not read"] * 2


def test_a_follow_of_the_python_client_keeps_what_an_earlier_answer_told(serve, client_of):
    url = serve()
    ten(url)
    empty = Raw(b'{"status":"success","key":"b3JkZXJz","values":[],"nextSequence":5,"trimmedBefore":5}')
    with Scripted(url, [empty]) as hasty, client_of(hasty.url, retry=RETRY) as client:
        page = client.follow_once(KEY)
        assert (of(page.records), page.next_sequence, page.trimmed_before) == ([5, 6, 7, 8, 9], 10, 5)
    assert len(hasty.requests) == 2


def test_a_scan_of_the_python_client_that_was_overtaken_tells_so_between_its_records(serve, client_of):
    url = serve()
    ten(url)
    seen = []
    with client_of(url) as client:
        scan = client.scan(KEY, page=2, on_trimmed=seen.append)
        seen.append(next(scan).sequence)
        trim(url, 7)
        for record in scan:
            seen.append(record.sequence)
    assert seen == [0, 1, Trimmed(KEY, 7), 7, 8, 9]


def test_a_tail_of_the_python_client_begins_with_a_notice_of_what_was_trimmed(serve, client_of, caplog):
    url = serve()
    ten(url)
    trim(url, 6)
    seen = []
    with client_of(url) as client:
        for record in client.tail(KEY, end=10, on_trimmed=seen.append):
            seen.append(record.sequence)
        assert seen == [Trimmed(KEY, 6), 6, 7, 8, 9]
        assert of(client.tail(KEY, start=6, end=8, on_trimmed=seen.append)) == [6, 7] and len(seen) == 5
        assert not caplog.records
        assert of(client.tail(KEY, end=10)) == [6, 7, 8, 9]
    assert warnings(caplog) == ["records of b'orders' before the sequence 6 were trimmed, and are not read"]


def test_a_tail_of_the_python_client_whose_whole_range_was_trimmed_tells_so_and_ends(serve, client_of):
    url = serve()
    ten(url)
    trim(url, 10)
    seen = []
    with client_of(url, retry=RETRY) as client:
        assert of(client.tail(KEY, end=5, on_trimmed=seen.append)) == []
    assert seen == [Trimmed(KEY, 10)]
    with Scripted(url, [HEARTBEAT]) as ending, client_of(ending.url, retry=RETRY) as client:
        assert of(client.tail(KEY, end=5, on_trimmed=seen.append)) == []
    assert seen == [Trimmed(KEY, 10)] * 2, "what its stream did not tell before it ended is not told"


def test_a_tail_of_the_python_client_that_was_overtaken_while_it_was_not_connected_tells_so_once(serve, client_of):
    """The stream tells the floor again when it is asked for again before the next record."""
    url = serve()
    ten(url)
    seen = []
    notice = events(b'event: trimmed\ndata: {"trimmedBefore":8}\n\n')
    with Scripted(url, ["cut after 200", notice]) as unsure, client_of(unsure.url, retry=RETRY) as client:
        tail = client.tail(KEY, end=10, on_trimmed=seen.append)
        seen.append(next(tail).sequence)
        trim(url, 8)
        for record in tail:
            seen.append(record.sequence)
    at = seen.index(Trimmed(KEY, 8))
    assert seen == [*range(at), Trimmed(KEY, 8), 8, 9] and 0 < at < 8, seen
    assert len([path for path, _ in unsure.requests if "/stream" in path]) == 3


def test_a_tail_of_the_python_client_that_is_overtaken_in_its_stream_tells_so(serve, client_of):
    url = serve()
    seen = []
    with opendata_log.LogClient(url) as direct, client_of(url) as client:
        for _ in range(10):
            direct.append([(KEY, bytes(1 << 20)) for _ in range(4)])
        tail = client.tail(KEY, end=41, on_trimmed=seen.append)
        seen.append(next(tail).sequence)
        direct.trim_before(40)
        direct.append([(KEY, b"after")])
        for record in tail:
            seen.append(record.sequence)
    at = len(seen) - 2
    assert seen == [*range(at), Trimmed(KEY, 40), 40] and 0 < at < 40, seen


def test_what_a_listener_of_the_python_client_raises_ends_what_it_listens_to(serve, client_of):
    url = serve()
    ten(url)
    trim(url, 6)

    def refuse(trimmed):
        raise opendata_log.Unavailable(f"records before {trimmed.before} are missing")

    with client_of(url, retry=RETRY) as client:
        with pytest.raises(opendata_log.Unavailable, match="records before 6 are missing"):
            next(client.tail(KEY, on_trimmed=refuse))
        with pytest.raises(opendata_log.Unavailable, match="records before 6 are missing"):
            client.count(KEY, on_trimmed=refuse)


@pytest.mark.parametrize("data", [b"{", b"{}", b"null", b'{"trimmedBefore":"6"}', b'{"trimmedBefore":true}'])
def test_a_notice_that_no_log_server_sends_is_an_error_of_its_own_in_the_python_client(serve, data, client_of):
    strange = events(b"event: trimmed\ndata: " + data + b"\n\n")
    with Scripted(serve(), [*[strange] * RETRY.attempts, (400, "invalid_argument", {})]) as gateway:
        with client_of(gateway.url, retry=RETRY) as client, pytest.raises(opendata_log.UnexpectedAnswer):
            next(client.tail(KEY))
    assert len(gateway.requests) == RETRY.attempts


def warnings(caplog):
    return [each.getMessage() for each in caplog.records if (each.name, each.levelno) == ("opendata_log", logging.WARNING)]
