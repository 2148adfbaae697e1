"""The Python client: generated, checked, run against a live server, and through one that misbehaves."""

import asyncio
import filecmp
import inspect
import re
import shutil
import socket
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterable, Iterable
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

import pytest

import program
from conftest import OPENAPI, ROOT, VENV
from scripted import HEARTBEAT, Raw, Scripted, events

CLIENT = OPENAPI / "clients/python"
sys.path.insert(0, str(CLIENT))

import opendata_log  # noqa: E402
from awaited import Awaited  # noqa: E402
from opendata_log import Retry, calls  # noqa: E402

RETRY = Retry(attempts=3, pause=0.05)


@pytest.fixture(params=[opendata_log.LogClient, Awaited], ids=["blocking", "asyncio"])
def client_of(request):
    """Makes clients, of the one kind and of the other."""
    return request.param


def test_the_generated_parts_are_those_of_the_document(run, generated, update):
    if update:
        run(OPENAPI / "clients/generate")
    for part in ["python/opendata_log/generated", "typescript/src/generated"]:
        assert difference(filecmp.dircmp(OPENAPI / "clients" / part, generated / part, ignore=["__pycache__"])) == [], (
            "if the document was meant to change: openapi/clients/generate")


def difference(folders: filecmp.dircmp) -> list[str]:
    here = [*folders.left_only, *folders.right_only, *folders.diff_files, *folders.funny_files]
    return here + [name for inner in folders.subdirs.values() for name in difference(inner)]


def test_the_python_client_type_checks(run, tmp_path):
    programs = ["program.py", "outcomes.py", "writers.py", "append_many.py"]
    run(VENV / "mypy", "--config-file", "pyproject.toml", "--cache-dir", tmp_path, "opendata_log", *programs, cwd=CLIENT)


def test_the_python_client_runs_the_program(serve, run):
    program.check(run, [sys.executable, CLIENT / "program.py"], serve())


ASYNCHRONOUS = f" | {AsyncIterable[Iterable[opendata_log.RecordToAppend]]}"

CODES = {
    "invalid_argument": 400, "spans_partitions": 400, "unauthenticated": 401, "permission_denied": 403, "not_found": 404, "method_not_allowed": 405,
    "too_large": 413, "unsupported_media_type": 415, "overloaded": 429, "unavailable": 503, "fenced": 503,
    "deadline_exceeded": 504, "internal": 500, "conflict": 409, "partly_applied": 409, "producer_sequence_too_old": 409, "producer_sequence_reused": 409,
    "producer_fenced": 409, "producer_unknown": 409}


def test_every_code_arrives_as_an_error_of_its_own_that_names_the_url(serve, client_of):
    script = [(status, code, {"x-request-id": "r-1"}) for code, status in CODES.items()]
    with Scripted(serve(), script) as busy, client_of(busy.url, retry=Retry(attempts=1)) as client:
        for code, status in CODES.items():
            with pytest.raises(opendata_log.LogError) as told:
                client.count(b"orders")
            assert type(told.value) is getattr(opendata_log, code.title().replace("_", "")), told
            assert (told.value.code, told.value.status, told.value.request_id) == (code, status, "r-1")
            assert str(told.value) == f"scripted (GET {busy.url}/api/v1/log/count)"


def test_what_was_not_applied_is_sent_again_after_retry_after(serve, client_of):
    script = [(429, "overloaded", {"retry-after": "1"}), (503, "unavailable", {"retry-after": "0"})]
    with Scripted(serve(), script) as busy, client_of(busy.url, retry=RETRY) as client:
        began = time.monotonic()
        client.append([(b"orders", b"first")])
        assert time.monotonic() - began >= 1
        assert client.count(b"orders") == 1


def test_a_server_that_lost_the_log_is_not_asked_again(serve, client_of):
    with Scripted(serve(), [(503, "fenced", {})]) as lost, client_of(lost.url, retry=RETRY) as client:
        with pytest.raises(opendata_log.Fenced):
            client.append([(b"orders", b"first")])
    assert len(lost.requests) == 1


@pytest.mark.parametrize("step", [(504, "deadline_exceeded", {}), "lost answer"], ids=["deadline", "lost-answer"])
def test_an_append_of_unknown_outcome_is_never_repeated_without_a_producer(serve, step, client_of):
    url = serve()
    with Scripted(url, [step]) as unsure, client_of(unsure.url, retry=RETRY, producer=False) as client:
        with pytest.raises(opendata_log.OutcomeUnknown):
            client.append([(b"orders", b"first")])
        assert len(unsure.requests) == 1
        assert client.count(b"orders") == (1 if step == "lost answer" else 0)


def test_what_is_answered_by_something_in_between_is_no_answer_of_the_server(serve, client_of):
    """A read says so, an append without a producer says that its outcome is unknown, and neither is sent again."""
    pages = [f"page {status}" for status in (200, 404, 502, 503)]
    bodies = [b"{}", b'{"status":"ok"}', b'{"status":"success"}', b"null", b"[]", b'"ok"',
              b'{"status":"error","code":"BAD_GATEWAY","message":"x"}']
    unreadable = Raw(b"junk", headers={"content-encoding": "gzip"})
    answers = [*pages, *(Raw(body, status) for body in bodies for status in (200, 502, 503)), unreadable]
    with Scripted(serve(), [answer for answer in answers for _ in range(2)]) as gateway:
        with client_of(gateway.url, retry=RETRY, producer=False) as client:
            for _ in answers:
                with pytest.raises(opendata_log.UnexpectedAnswer):
                    client.count(b"orders")
                with pytest.raises(opendata_log.OutcomeUnknown):
                    client.append([(b"orders", b"first")])
    assert len(gateway.requests) == 2 * len(answers)


def test_retry_after_may_be_a_date_and_what_is_no_number_is_no_failure(serve, client_of):
    busy = [(429, "overloaded", {"retry-after": formatdate(time.time() + 2, usegmt=True)})]
    with Scripted(serve(), [*busy, None, (429, "overloaded", {"retry-after": "\u00b2"})]) as unsure:
        with client_of(unsure.url, retry=RETRY) as client:
            assert client.count(b"orders") == 0
            with pytest.raises(opendata_log.Overloaded) as told:
                client.count(b"orders")
    assert told.value.retry_after is None
    assert 0.5 < unsure.times[1] - unsure.times[0] < 4


def test_an_append_that_was_not_sent_is_sent_again(serve, later, client_of):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    later(0.5, lambda: serve(port))
    with client_of(f"http://127.0.0.1:{port}", retry=Retry(attempts=50, pause=0.2, longest_pause=2.0)) as client:
        assert client.append([(b"orders", b"first")]).count == 1
        assert client.count(b"orders") == 1


def test_a_follow_may_wait_for_longer_than_the_client_bears_silence(serve, client_of):
    with client_of(serve(), timeout=0.5, retry=Retry(attempts=1)) as client:
        began = time.monotonic()
        assert client.follow_once(b"orders", wait=1.5) == ([], 0)
        assert time.monotonic() - began >= 1.5


def test_only_what_is_asked_for_is_read(serve, client_of):
    with client_of(serve()) as client:
        client.append([(b"orders", b"first")], await_durable=True)
        time.sleep(0.05)
        client.append([(b"orders", b"second")], await_durable=True)
        first, second = client.scan(b"orders")
        assert list(client.scan(b"orders", start_time_ms=second.timestamp_ms, visibility="durable")) == [second]
        assert list(client.tail(b"orders", end=2, start_time_ms=second.timestamp_ms, visibility="durable")) == [second]
        assert list(client.tail(b"orders", end=2, start_time_ms=second.timestamp_ms + 60_000)) == []
        assert client.follow_once(b"orders", visibility="durable") == ([first, second], 2)


def test_headers_are_sent_and_come_back_with_their_records(serve, client_of):
    headers = (("trace", b"\x00\xff"), ("größe", b""), ("trace", b"again"))
    with client_of(serve()) as client:
        client.append([(KEY, b"first", headers), (KEY, b"second"), (KEY, b"third", [])])
        client.append([[KEY, b"fourth", ([name, bytearray(value)] for name, value in headers)]])
        followed, _ = client.follow_once(KEY)
        for read in (client.scan(KEY, page=1), client.tail(KEY, end=4), followed):
            assert [record.headers for record in read] == [headers, (), (), headers]
        with pytest.raises(opendata_log.TooLarge, match=re.escape("record[0]: header[64]: number of headers is 65, over the limit of 64")):
            client.append([(KEY, b"", [("name", b"")] * 65)])


def test_a_read_is_repeated_when_its_answer_is_lost(serve, client_of):
    with Scripted(serve(), ["lost answer"]) as unsure, client_of(unsure.url, retry=RETRY) as client:
        assert client.count(b"orders") == 0
    assert len(unsure.requests) == 2


def test_a_tail_goes_on_exactly_after_the_last_record_when_its_connection_breaks(serve, client_of):
    url = serve()
    with opendata_log.LogClient(url) as direct:
        direct.append([(b"orders", bytes([number])) for number in range(20)])
        with Scripted(url, ["cut after 200", "page 502", "cut after 300"]) as unsure:
            with client_of(unsure.url, retry=RETRY) as client:
                assert [record.value[0] for record in client.tail(b"orders", end=20)] == list(range(20))
    resumed = [last for path, last in unsure.requests if "/stream" in path]
    assert resumed[0] is None and len(resumed) == 4 and 0 < int(resumed[1]) == int(resumed[2]) < int(resumed[3]) < 20, resumed


def test_a_tail_goes_on_when_its_server_was_restarted(restarted, client_of):
    def append(value):
        with opendata_log.LogClient(restarted.url) as direct:
            direct.append([(b"orders", value)], await_durable=True)

    append(b"before")
    with client_of(restarted.url, retry=Retry(attempts=3, pause=0.05, longest_pause=0.2)) as client:
        tail = client.tail(b"orders")
        assert next(tail).value == b"before"
        restarted.restart_after(2.4, then=lambda: append(b"after"))
        assert next(tail).value == b"after"


def test_a_tail_of_a_quiet_key_goes_on_for_ever(serve, client_of):
    url = serve()
    with opendata_log.LogClient(url) as direct:
        direct.append([(b"orders", b"first")])
        with Scripted(url, [HEARTBEAT] * 12) as quiet, client_of(quiet.url, retry=RETRY) as client:
            assert next(client.tail(b"orders")).value == b"first"


def test_a_tail_waits_longer_each_time_but_no_longer_than_the_longest_pause(serve, client_of):
    busy = (503, "unavailable", {"retry-after": "60"})
    url = serve()
    with opendata_log.LogClient(url) as direct:
        direct.append([(b"orders", b"first")])
        script = [HEARTBEAT, *[(503, "unavailable", {})] * 3, busy, HEARTBEAT]
        with Scripted(url, script) as unsure:
            with client_of(unsure.url, retry=Retry(pause=0.2, longest_pause=0.8)) as client:
                assert next(client.tail(b"orders")).value == b"first"
    pauses = [after - before for before, after in zip(unsure.times, unsure.times[1:])]
    assert all(seen >= least for seen, least in zip(pauses, [0.2, 0.4, 0.8, 0.8, 0.8, 0.2], strict=True)), pauses
    assert max(pauses) < 30, pauses


def test_a_tail_gives_up_when_its_server_is_gone_for_too_long(serve, client_of):
    with Scripted(serve(), [HEARTBEAT, *[(503, "unavailable", {})] * 1000]) as gone:
        with client_of(gone.url, retry=Retry(attempts=2, pause=0.05, longest_pause=0.1, patience=1.0)) as client:
            with pytest.raises(opendata_log.Unavailable):
                next(client.tail(b"orders"))
    assert len(gone.requests) > 5 and 0.7 < gone.times[-1] - gone.times[0] < 2


def test_a_tail_that_was_never_answered_gives_up_as_other_calls_do(serve, client_of):
    with Scripted(serve(), [(503, "unavailable", {})] * 1000) as gone, client_of(gone.url, retry=RETRY) as client:
        with pytest.raises(opendata_log.Unavailable):
            next(client.tail(b"orders"))
    assert len(gone.requests) == RETRY.attempts


@pytest.mark.parametrize("body", [
    b"data: {\n\n", b"data: {}\n\n", b"data: null\n\n", b'data: {"sequence":0,"value":"%","timestampMs":0}\n\n',
    b'data: {"sequence":0,"value":1,"timestampMs":0}\n\n', b"event: error\ndata: {}\n\n",
    b'data: {"sequence":0,"value":"","timestampMs":0,"headers":[{"name":"a"}]}\n\n',
    b'data: {"sequence":0,"value":"","timestampMs":0,"headers":[{"name":"a","value":"%"}]}\n\n',
    b'event: error\ndata: {"status":"error","code":"BAD","message":"x"}\n\n'])
def test_an_event_that_no_log_server_sends_is_an_error_of_its_own(serve, body, client_of):
    with Scripted(serve(), [events(body)] * 1000) as gateway, client_of(gateway.url, retry=RETRY) as client:
        with pytest.raises(opendata_log.UnexpectedAnswer):
            next(client.tail(b"orders"))
    assert len(gateway.requests) == RETRY.attempts


def test_a_page_in_place_of_a_stream_is_an_error_of_its_own(serve, client_of):
    with Scripted(serve(), ["page 200"] * 1000) as gateway, client_of(gateway.url, retry=RETRY) as client:
        with pytest.raises(opendata_log.UnexpectedAnswer):
            next(client.tail(b"orders"))


def test_an_event_of_a_newer_server_is_skipped(serve, client_of):
    record = b'data: {"sequence":0,"value":"Zmlyc3Q=","timestampMs":0}\n\n'
    with Scripted(serve(), [events(b"event: sealed\ndata: 7\n\n" + record)]) as newer:
        with client_of(newer.url, retry=RETRY) as client:
            assert next(client.tail(b"orders")).value == b"first"


def test_a_hundred_tails_leave_connections_for_requests(serve, client_of):
    with client_of(serve(), timeout=2, connections=1, retry=Retry(attempts=1)) as client:
        client.append([(b"orders", b"first")])
        tails = [client.tail(b"orders") for _ in range(120)]
        assert [next(tail).sequence for tail in tails] == [0] * 120
        assert client.count(b"orders") == 1
        assert client.follow_once(b"orders", start=1, wait=0.1) == ([], 1)
        for tail in tails:
            tail.close()


def test_a_follow_waits_for_as_long_as_it_was_told_though_servers_wait_no_longer_than_they_like(serve, client_of, monkeypatch):
    monkeypatch.setattr(calls, "LONGEST_WAIT_SECONDS", 0.3)
    url = serve()
    empty = Raw(b'{"status":"success","key":"b3JkZXJz","values":[],"nextSequence":0}')
    with Scripted(url, [empty] * 3) as hasty, client_of(hasty.url, retry=RETRY) as client:
        began = time.monotonic()
        assert client.follow_once(b"orders", wait=1) == ([], 0)
        assert 1 <= time.monotonic() - began < 3
        asked = [int(parse_qs(urlsplit(path).query)["timeout_ms"][0]) for path, _ in hasty.requests]
        assert 5 < len(asked) < 10 and max(asked) == 300 and min(asked) > 0, asked
        with opendata_log.LogClient(url) as direct:
            threading.Timer(0.6, lambda: direct.append([(b"orders", b"first")])).start()
            records, following = client.follow_once(b"orders", wait=10**6)
            assert ([record.value for record in records], following) == ([b"first"], 1)
            time.sleep(0.2)


KEY = b"orders"
WRONG_CALLS = [
    lambda client: client.trim_before("5"), lambda client: client.trim_before(None), lambda client: client.trim_before_time(1.5),
    lambda client: client.delete_key("orders"), lambda client: client.delete_key(KEY, before_seq="5"),
    lambda client: client.tail(KEY, on_trimmed="log"), lambda client: client.count(KEY, on_trimmed=5), lambda client: client.scan(KEY, on_trimmed=awaited),
    lambda client: client.append(["kv"]), lambda client: client.append([("k", "v")]), lambda client: client.append([(KEY, "v")]),
    lambda client: client.append([(KEY, None)]), lambda client: client.append([(KEY, 1)]), lambda client: client.append([KEY]),
    lambda client: client.append((KEY, KEY)), lambda client: client.append({KEY: KEY}), lambda client: client.append(KEY),
    lambda client: client.append([{"key": KEY, "value": KEY}]), lambda client: client.append([(KEY, KEY, KEY)]),
    lambda client: client.append(None), lambda client: client.append([(KEY, KEY)], await_durable="no"),
    lambda client: client.count("orders"), lambda client: client.count(None), lambda client: client.count([1]),
    lambda client: client.count(KEY, start="0"), lambda client: client.count(KEY, end=1.5), lambda client: client.count(KEY, start=True),
    lambda client: client.scan("orders"), lambda client: client.scan(KEY, page="9"), lambda client: client.scan(KEY, start_time_ms=0.5),
    lambda client: client.follow_once("orders"), lambda client: client.follow_once(KEY, wait="1"),
    lambda client: client.follow_once(KEY, limit=None), lambda client: client.tail("orders"), lambda client: client.keys(prefix="ord"),
    lambda client: client.segments(start=None), lambda client: client.append([(KEY, KEY, {"a": KEY})]),
    lambda client: client.append([(KEY, KEY, None)]), lambda client: client.append([(KEY, KEY, "a")]),
    lambda client: client.append([(KEY, KEY, ["a"])]), lambda client: client.append([(KEY, KEY, [("a",)])]),
    lambda client: client.append([(KEY, KEY, [(b"a", KEY)])]), lambda client: client.append([(KEY, KEY, [("a", "b")])]),
    lambda client: client.append([(KEY, KEY, [], [])]), *(
        lambda client, since=since: client.append([(KEY, KEY)], if_no_record_since=since)
        for since in ([(KEY, 0)], KEY, 0, {"orders": 0}, {KEY: "0"}, {KEY: None}, {KEY: 1.0}, {KEY: True}))]
WRONG_VALUES = [
    lambda client: client.trim_before(-1), lambda client: client.trim_before_time(2**63), lambda client: client.delete_key(KEY, -1),
    lambda client: client.count(KEY, start=-1), lambda client: client.count(KEY, end=2**63), lambda client: client.scan(KEY, page=0),
    lambda client: client.scan(KEY, visibility="Durable"), lambda client: client.scan(KEY, start_time_ms=-1),
    lambda client: client.follow_once(KEY, wait=-1), lambda client: client.follow_once(KEY, wait=float("nan")),
    lambda client: client.follow_once(KEY, wait=float("inf")), lambda client: client.follow_once(KEY, limit=0),
    lambda client: client.tail(KEY, visibility=None), lambda client: client.keys(page=0), lambda client: client.segments(end=-1),
    lambda client: client.append([(KEY, KEY)], if_no_record_since={KEY: -1}),
    lambda client: client.append([(KEY, KEY)], if_no_record_since={KEY: 2**63})]


async def awaited(_):
    pass


def test_a_wrong_argument_is_told_before_anything_is_sent(serve, client_of):
    with Scripted(serve(), []) as asked, client_of(asked.url, retry=RETRY) as client:
        for error, wrong in [(TypeError, WRONG_CALLS), (ValueError, WRONG_VALUES)]:
            for at, call in enumerate(wrong):
                with pytest.raises(error) as told:
                    call(client)
                    pytest.fail(f"call {at} was not refused")
                assert re.match(r"(records|key|prefix|start|start_time_ms|end|page|limit|wait|await_durable|visibility|if_no_record_since|sequence|time_ms|before_seq|on_trimmed)\b", str(told.value)), told
        with pytest.raises(TypeError, match=re.escape("records[0]: key must be bytes, such as 'k'.encode(), not str")):
            client.append([("k", "v")])
        with pytest.raises(TypeError, match=re.escape("records[0]: headers[1]: value must be bytes, such as 'v'.encode(), not str")):
            client.append([(KEY, KEY, [("a", KEY), ("a", "v")])])
        client.append([(bytearray(KEY), memoryview(b"first"))])
        assert client.count(KEY) == 1
    assert len(asked.requests) == 2


@pytest.mark.parametrize(("error", "url", "settings"), [
    (TypeError, None, {}), (TypeError, b"http://localhost", {}), (ValueError, "localhost:8080", {}), (ValueError, "", {}),
    (ValueError, "ftp://localhost", {}), (ValueError, "http://", {}), (ValueError, "http://localhost:port", {}),
    (ValueError, "http://localhost:99999", {}), (ValueError, "http://local host", {}), (ValueError, "http://localhost/?key=k", {}),
    (ValueError, "http://localhost/#a", {}), (ValueError, "http://user:secret@localhost", {}), (ValueError, "http://localhost\n", {}),
    (TypeError, "http://localhost", {"token": b"reader-token-of-the-tests"}), (ValueError, "http://localhost", {"token": ""}),
    (ValueError, "http://localhost", {"token": "secret-of-tests\n"}), (ValueError, "http://localhost", {"token": "secret-of-t\u00e9sts"}),
    (ValueError, "http://localhost", {"token": "Bearer secret-of-tests"}),
    (TypeError, "http://localhost", {"timeout": "60"}), (ValueError, "http://localhost", {"timeout": 0}),
    (TypeError, "http://localhost", {"timeout": None}), (TypeError, "http://localhost", {"retry": 5}),
    (TypeError, "http://localhost", {"retry": None}), (TypeError, "http://localhost", {"tls": "ca.pem"}),
    (ValueError, "http://localhost", {"connections": 0}), (TypeError, "http://localhost", {"producer": "orders"}),
    (TypeError, "http://localhost", {"producer": None}), (ValueError, "http://localhost", {"concurrent_appends": 0}),
    (TypeError, "http://localhost", {"concurrent_appends": "1"}),
    (ValueError, "http://localhost", {"producer": opendata_log.Producer("orders"), "concurrent_appends": 2})])
def test_a_client_is_not_made_of_a_wrong_address_token_or_setting(error, url, settings, client_of):
    with pytest.raises(error) as told:
        client_of(url, **settings)
    assert re.match(r"(url|token|timeout|retry|tls|connections|producer|concurrent_appends) must\b", str(told.value)) and "secret" not in str(told.value), told


@pytest.mark.parametrize("settings", [
    {"attempts": 0}, {"attempts": 1.5}, {"attempts": None}, {"pause": -1}, {"longest_pause": float("inf")}, {"patience": "300"}])
def test_retries_that_make_no_sense_are_refused(settings):
    with pytest.raises((TypeError, ValueError), match=rf"Retry\.{next(iter(settings))} must"):
        Retry(**settings)


@pytest.mark.parametrize("settings", [
    {"id": ""}, {"id": "p" * 129}, {"id": "\udc80"}, {"id": b"orders"}, {"id": 7}, {"id": "orders", "epoch": -1}, {"id": "orders", "epoch": "1"},
    {"id": "orders", "epoch": None}])
def test_a_producer_has_a_name_and_an_epoch(settings):
    with pytest.raises((TypeError, ValueError), match=r"Producer\.(id|epoch) must"):
        opendata_log.Producer(**settings)


def test_a_process_that_was_forked_appends_under_names_of_its_own(serve, run):
    code = """
        import os, sys
        from opendata_log import LogClient
        client = LogClient(sys.argv[1])
        client.append([(b"orders", b"before")])
        child = os.fork()
        # Without the check, both would send the same record with the same sequence: one of them would count as a duplicate.
        client._requests = LogClient(sys.argv[1])._requests
        client.append([(b"orders", b"after")])
        if child:
            assert os.waitpid(child, 0)[1] == 0
            print(client.count(b"orders"))
    """
    assert run(sys.executable, "-c", textwrap.dedent(code), serve(), env={"PYTHONPATH": str(CLIENT)}).strip() == "3"


def test_an_address_with_a_path_is_that_of_a_server_behind_it(serve, client_of):
    with Scripted(serve(), [(404, "not_found", {})]) as moved, client_of(f"{moved.url}/logs/", retry=RETRY) as client:
        with pytest.raises(opendata_log.NotFound, match=re.escape(f"(GET {moved.url}/logs/api/v1/log/count)")):
            client.count(b"orders")
    assert moved.requests[0][0].startswith("/logs/api/v1/log/count?")


def test_the_client_for_asyncio_has_all_that_the_blocking_one_has():
    def calls(client):
        return {
            # Only the one for asyncio takes appends from an asynchronous iterable.
            name: str(inspect.signature(call)).partition(" -> ")[0].replace(ASYNCHRONOUS, "") for name, call in inspect.getmembers(client, inspect.isfunction)
            if name == "__init__" or not name.startswith("_")}

    blocking = calls(opendata_log.LogClient)
    assert calls(opendata_log.AsyncLogClient) == blocking and len(blocking) > 15
    assert {name for name in dir(opendata_log.LogClient) if name[0] != "_"} == {name for name in dir(opendata_log.AsyncLogClient) if name[0] != "_"}
    assert set(calls(opendata_log.AsyncConsumer)) == set(calls(opendata_log.Consumer)) == {"__init__", "append", "commit"}


def test_calls_of_asyncio_wait_beside_one_another_and_can_be_cancelled(serve):
    async def beside(url):
        async with opendata_log.AsyncLogClient(url) as client:
            waiting = asyncio.create_task(client.follow_once(b"orders", wait=30))
            tails = [client.tail(b"orders") for _ in range(3)]
            nexts = [asyncio.ensure_future(anext(tail)) for tail in tails]
            cancelled = asyncio.create_task(client.follow_once(b"other", wait=10**6))
            await asyncio.sleep(0.2)
            appended = await asyncio.gather(*(client.append([(b"orders", bytes([each]))]) for each in range(50)))
            assert sorted(each.start for each in appended) == list(range(50))
            assert (await waiting)[0][0].sequence == 0 and [(await each).sequence for each in nexts] == [0] * 3
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            for tail in tails:
                await tail.aclose()
            assert [record.sequence async for record in client.scan(b"orders", page=7)] == list(range(50))
            assert [key async for key in client.keys()] == [b"orders"]

    asyncio.run(beside(serve()))


def test_the_python_package_can_be_installed_and_used(serve, run, tmp_path):
    package, fresh = tmp_path / "package", tmp_path / "venv"
    shutil.copytree(CLIENT, package, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    run(sys.executable, "-m", "venv", "--without-pip", fresh)
    pinned = tmp_path / "constraints.txt"
    pinned.write_text(run(VENV / "pip", "freeze", "--disable-pip-version-check"))
    run(VENV / "pip", "--python", fresh / "bin/python", "--disable-pip-version-check", "install", "--quiet", "--constraint",
        pinned, package)
    code = "import sys; from opendata_log import LogClient; print(LogClient(sys.argv[1]).append([(b'orders', b'')]).count)"
    assert run(fresh / "bin/python", "-c", code, serve(), cwd=tmp_path).strip() == "1"
    assert (CLIENT / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_a_token_is_sent(serve, tokens, client_of):
    url = serve(LOG_AUTH__TOKENS=tokens)
    with client_of(url) as client, pytest.raises(opendata_log.Unauthenticated):
        client.count(b"orders")
    with client_of(url, token="reader-token-of-the-tests") as client:
        assert client.count(b"orders") == 0
        with pytest.raises(opendata_log.PermissionDenied):
            client.append([(b"orders", b"first")])


@pytest.mark.parametrize("arguments", [[], ["asyncio"]], ids=["blocking", "asyncio"])
def test_the_python_client_calls_nothing_unknown_that_was_certainly_not_applied(outcomes, arguments):
    outcomes.check([sys.executable, CLIENT / "outcomes.py", *arguments])


@pytest.mark.parametrize("arguments", [[], ["asyncio"]], ids=["blocking", "asyncio"])
def test_the_python_client_trusts_a_private_authority_as_the_page_says(outcomes, arguments):
    outcomes.check_private_authority([sys.executable, CLIENT / "outcomes.py", *arguments], ["SSL_CERT_FILE=ca.pem"])
