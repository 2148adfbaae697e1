"""The Python client: generated, checked, run against a live server, and through one that misbehaves."""

import filecmp
import shutil
import socket
import sys
import time
from email.utils import formatdate

import pytest

import program
from conftest import OPENAPI, ROOT, VENV
from scripted import HEARTBEAT, Raw, Scripted, events

CLIENT = OPENAPI / "clients/python"
sys.path.insert(0, str(CLIENT))

import opendata_log  # noqa: E402
from opendata_log import LogClient, Retry  # noqa: E402

RETRY = Retry(attempts=3, pause=0.05)


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
    run(VENV / "mypy", "--config-file", "pyproject.toml", "--cache-dir", tmp_path, "opendata_log", "program.py", cwd=CLIENT)


def test_the_python_client_runs_the_program(serve, run):
    program.check(run, [sys.executable, CLIENT / "program.py"], serve())


@pytest.mark.parametrize("code", [
    "invalid_argument", "unauthenticated", "permission_denied", "not_found", "method_not_allowed", "too_large",
    "unsupported_media_type", "overloaded", "unavailable", "fenced", "deadline_exceeded", "internal"])
def test_every_code_arrives_as_an_error_of_its_own(serve, code):
    status = {"overloaded": 429, "unavailable": 503, "fenced": 503, "deadline_exceeded": 504}.get(code, 400)
    with Scripted(serve(), [(status, code, {"x-request-id": "r-1"})] * 3) as busy, LogClient(busy.url, retry=RETRY) as client:
        with pytest.raises(opendata_log.LogError) as told:
            client.count(b"orders")
    assert type(told.value) is getattr(opendata_log, code.title().replace("_", "")), told
    assert (told.value.code, told.value.status, told.value.request_id) == (code, status, "r-1")


def test_what_was_not_applied_is_sent_again_after_retry_after(serve):
    script = [(429, "overloaded", {"retry-after": "1"}), (503, "unavailable", {"retry-after": "0"})]
    with Scripted(serve(), script) as busy, LogClient(busy.url, retry=RETRY) as client:
        began = time.monotonic()
        client.append([(b"orders", b"first")])
        assert time.monotonic() - began >= 1
        assert client.count(b"orders") == 1


def test_a_server_that_lost_the_log_is_not_asked_again(serve):
    with Scripted(serve(), [(503, "fenced", {})]) as lost, LogClient(lost.url, retry=RETRY) as client:
        with pytest.raises(opendata_log.Fenced):
            client.append([(b"orders", b"first")])
    assert len(lost.requests) == 1


@pytest.mark.parametrize("step", [(504, "deadline_exceeded", {}), "lost answer"], ids=["deadline", "lost-answer"])
def test_an_append_of_unknown_outcome_is_never_repeated(serve, step):
    url = serve()
    with Scripted(url, [step]) as unsure, LogClient(unsure.url, retry=RETRY) as client:
        with pytest.raises(opendata_log.OutcomeUnknown):
            client.append([(b"orders", b"first")])
        assert len(unsure.requests) == 1
        assert client.count(b"orders") == (1 if step == "lost answer" else 0)


@pytest.mark.parametrize("status", [200, 404, 502, 503])
def test_a_page_of_something_in_between_is_no_answer_of_the_server(serve, status):
    is_no_answer_of_the_server(serve(), f"page {status}")


@pytest.mark.parametrize("body", [
    b"{}", b'{"status":"ok"}', b'{"status":"success"}', b"null", b"[]", b'"ok"',
    b'{"status":"error","code":"BAD_GATEWAY","message":"x"}'])
@pytest.mark.parametrize("status", [200, 502, 503])
def test_json_of_something_in_between_is_no_answer_of_the_server(serve, status, body):
    is_no_answer_of_the_server(serve(), Raw(body, status))


def test_an_answer_that_cannot_be_unpacked_is_no_answer_of_the_server(serve):
    is_no_answer_of_the_server(serve(), Raw(b"junk", headers={"content-encoding": "gzip"}))


def is_no_answer_of_the_server(url, answer):
    """A read says so, an append says that its outcome is unknown, and neither is sent again."""
    with Scripted(url, [answer] * 2) as gateway, LogClient(gateway.url, retry=RETRY) as client:
        with pytest.raises(opendata_log.UnexpectedAnswer):
            client.count(b"orders")
        with pytest.raises(opendata_log.OutcomeUnknown):
            client.append([(b"orders", b"first")])
    assert len(gateway.requests) == 2


def test_retry_after_may_be_a_date_and_what_is_no_number_is_no_failure(serve):
    busy = [(429, "overloaded", {"retry-after": formatdate(time.time() + 2, usegmt=True)})]
    with Scripted(serve(), [*busy, None, (429, "overloaded", {"retry-after": "\u00b2"})]) as unsure:
        with LogClient(unsure.url, retry=RETRY) as client:
            assert client.count(b"orders") == 0
            with pytest.raises(opendata_log.Overloaded) as told:
                client.count(b"orders")
    assert told.value.retry_after is None
    assert 0.5 < unsure.times[1] - unsure.times[0] < 4


def test_an_append_that_was_not_sent_is_sent_again(serve, later):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    later(0.5, lambda: serve(port))
    with LogClient(f"http://127.0.0.1:{port}", retry=Retry(attempts=50, pause=0.2, longest_pause=2.0)) as client:
        assert client.append([(b"orders", b"first")]).count == 1
        assert client.count(b"orders") == 1


def test_a_follow_may_wait_for_longer_than_the_client_bears_silence(serve):
    with LogClient(serve(), timeout=0.5, retry=Retry(attempts=1)) as client:
        began = time.monotonic()
        assert client.follow_once(b"orders", wait=1.5) == ([], 0)
        assert time.monotonic() - began >= 1.5


def test_only_what_is_asked_for_is_read(serve):
    with LogClient(serve()) as client:
        client.append([(b"orders", b"first")], await_durable=True)
        time.sleep(0.05)
        client.append([(b"orders", b"second")], await_durable=True)
        first, second = client.scan(b"orders")
        assert list(client.scan(b"orders", start_time_ms=second.timestamp_ms, visibility="durable")) == [second]
        assert list(client.tail(b"orders", end=2, start_time_ms=second.timestamp_ms, visibility="durable")) == [second]
        assert list(client.tail(b"orders", end=2, start_time_ms=second.timestamp_ms + 60_000)) == []
        assert client.follow_once(b"orders", visibility="durable") == ([first, second], 2)


def test_a_read_is_repeated_when_its_answer_is_lost(serve):
    with Scripted(serve(), ["lost answer"]) as unsure, LogClient(unsure.url, retry=RETRY) as client:
        assert client.count(b"orders") == 0
    assert len(unsure.requests) == 2


def test_a_tail_goes_on_exactly_after_the_last_record_when_its_connection_breaks(serve):
    with LogClient(serve()) as direct:
        direct.append([(b"orders", bytes([number])) for number in range(20)])
        with Scripted(str(direct._api._base_url), ["cut after 200", "page 502", "cut after 300"]) as unsure:
            with LogClient(unsure.url, retry=RETRY) as client:
                assert [record.value[0] for record in client.tail(b"orders", end=20)] == list(range(20))
    resumed = [last for path, last in unsure.requests if "/stream" in path]
    assert resumed[0] is None and len(resumed) == 4 and 0 < int(resumed[1]) == int(resumed[2]) < int(resumed[3]) < 20, resumed


def test_a_tail_goes_on_when_its_server_was_restarted(restarted):
    with LogClient(restarted.url) as direct:
        direct.append([(b"orders", b"before")], await_durable=True)
        with LogClient(restarted.url, retry=Retry(attempts=3, pause=0.05, longest_pause=0.2)) as client:
            tail = client.tail(b"orders")
            assert next(tail).value == b"before"
            restarted.restart_after(2.4, then=lambda: direct.append([(b"orders", b"after")]))
            assert next(tail).value == b"after"


def test_a_tail_of_a_quiet_key_goes_on_for_ever(serve):
    with LogClient(serve()) as direct:
        direct.append([(b"orders", b"first")])
        with Scripted(str(direct._api._base_url), [HEARTBEAT] * 12) as quiet, LogClient(quiet.url, retry=RETRY) as client:
            assert next(client.tail(b"orders")).value == b"first"


def test_a_tail_waits_longer_each_time_but_no_longer_than_the_longest_pause(serve):
    busy = (503, "unavailable", {"retry-after": "60"})
    with LogClient(serve()) as direct:
        direct.append([(b"orders", b"first")])
        script = [HEARTBEAT, *[(503, "unavailable", {})] * 3, busy, HEARTBEAT]
        with Scripted(str(direct._api._base_url), script) as unsure:
            with LogClient(unsure.url, retry=Retry(pause=0.2, longest_pause=0.8)) as client:
                assert next(client.tail(b"orders")).value == b"first"
    pauses = [after - before for before, after in zip(unsure.times, unsure.times[1:])]
    assert all(seen >= least for seen, least in zip(pauses, [0.2, 0.4, 0.8, 0.8, 0.8, 0.2], strict=True)), pauses
    assert max(pauses) < 30, pauses


def test_a_tail_gives_up_when_its_server_is_gone_for_too_long(serve):
    with Scripted(serve(), [HEARTBEAT, *[(503, "unavailable", {})] * 1000]) as gone:
        with LogClient(gone.url, retry=Retry(attempts=2, pause=0.05, longest_pause=0.1, patience=1.0)) as client:
            with pytest.raises(opendata_log.Unavailable):
                next(client.tail(b"orders"))
    assert len(gone.requests) > 5 and 0.7 < gone.times[-1] - gone.times[0] < 2


def test_a_tail_that_was_never_answered_gives_up_as_other_calls_do(serve):
    with Scripted(serve(), [(503, "unavailable", {})] * 1000) as gone, LogClient(gone.url, retry=RETRY) as client:
        with pytest.raises(opendata_log.Unavailable):
            next(client.tail(b"orders"))
    assert len(gone.requests) == RETRY.attempts


@pytest.mark.parametrize("body", [
    b"data: {\n\n", b"data: {}\n\n", b"data: null\n\n", b'data: {"sequence":0,"value":"%","timestampMs":0}\n\n',
    b'data: {"sequence":0,"value":1,"timestampMs":0}\n\n', b"event: error\ndata: {}\n\n",
    b'event: error\ndata: {"status":"error","code":"BAD","message":"x"}\n\n'])
def test_an_event_that_no_log_server_sends_is_an_error_of_its_own(serve, body):
    with Scripted(serve(), [events(body)] * 1000) as gateway, LogClient(gateway.url, retry=RETRY) as client:
        with pytest.raises(opendata_log.UnexpectedAnswer):
            next(client.tail(b"orders"))
    assert len(gateway.requests) == RETRY.attempts


def test_a_page_in_place_of_a_stream_is_an_error_of_its_own(serve):
    with Scripted(serve(), ["page 200"] * 1000) as gateway, LogClient(gateway.url, retry=RETRY) as client:
        with pytest.raises(opendata_log.UnexpectedAnswer):
            next(client.tail(b"orders"))


def test_an_event_of_a_newer_server_is_skipped(serve):
    record = b'data: {"sequence":0,"value":"Zmlyc3Q=","timestampMs":0}\n\n'
    with Scripted(serve(), [events(b"event: sealed\ndata: 7\n\n" + record)]) as newer:
        with LogClient(newer.url, retry=RETRY) as client:
            assert next(client.tail(b"orders")).value == b"first"


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


def test_a_token_is_sent(serve, tokens):
    url = serve(LOG_AUTH__TOKENS=tokens)
    with LogClient(url) as client, pytest.raises(opendata_log.Unauthenticated):
        client.count(b"orders")
    with LogClient(url, token="reader-token-of-the-tests") as client:
        assert client.count(b"orders") == 0
        with pytest.raises(opendata_log.PermissionDenied):
            client.append([(b"orders", b"first")])
