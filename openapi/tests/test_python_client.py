"""The Python client: generated, checked, run against a live server, and through one that misbehaves."""

import filecmp
import sys
import time

import pytest

import program
from conftest import OPENAPI, VENV
from scripted import Scripted

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
    with Scripted(serve(), [f"page {status}"] * 2) as gateway, LogClient(gateway.url, retry=RETRY) as client:
        with pytest.raises(opendata_log.UnexpectedAnswer):
            client.count(b"orders")
        with pytest.raises(opendata_log.OutcomeUnknown):
            client.append([(b"orders", b"first")])
    assert len(gateway.requests) == 2


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


def test_a_token_is_sent(serve, tokens):
    url = serve(LOG_AUTH__TOKENS=tokens)
    with LogClient(url) as client, pytest.raises(opendata_log.Unauthenticated):
        client.count(b"orders")
    with LogClient(url, token="reader-token-of-the-tests") as client:
        assert client.count(b"orders") == 0
        with pytest.raises(opendata_log.PermissionDenied):
            client.append([(b"orders", b"first")])
