"""Appends of the clients with a layer by hand are applied exactly once, whatever breaks, and only if their preconditions hold."""

import base64
import json
import sys
import threading
import time

import pytest
from processes import request

from conftest import OPENAPI
from scripted import Raw, Scripted
from writers import Writers, append

PYTHON = [sys.executable, OPENAPI / "clients/python/writers.py"]
DOWN = (503, "unavailable", {"retry-after": "0"})
UNSURE = ["lost answer", (504, "deadline_exceeded", {}), "page 502"]
KILLS = 3


@pytest.fixture(params=["python", "asyncio", "typescript"])
def writers(request, built):
    """The clients of one kind, which append."""
    commands = {"python": PYTHON, "asyncio": [*PYTHON, "asyncio"], "typescript": ["node", built / "dist/writers.js"]}
    with Writers(commands[request.param]) as running:
        yield running


PATIENT = {"attempts": 1000}

# Threads cannot be cancelled.
cancellable = pytest.mark.parametrize("writers", ["asyncio", "typescript"], indirect=True)


def done(start: int | None, count: int = 1, duplicate: bool = False) -> dict:
    return {"outcome": "Appended", "start": start, "count": count, "duplicate": duplicate}


def values(url: str, key: str = "orders") -> list[str]:
    """All that `key` has."""
    status, body = request(f"{url}/api/v1/log/scan?key={key}&limit=10000")
    assert status == 200, body
    return [base64.b64decode(each["value"]).decode() for each in json.loads(body)["values"]]


def producers(server: Scripted) -> list[tuple[str, int, int]]:
    """Id, epoch and sequence of each append that came."""
    sent = [json.loads(body).get("producer") for body in server.bodies if body]
    return [each and (each["id"], each["epoch"], each["sequence"]) for each in sent]


def test_an_append_whose_outcome_is_unknown_is_sent_again_and_applied_once(serve, writers):
    url = serve()
    with Scripted(url, [None, *UNSURE, None, "lost answer"]) as unsure:
        assert writers.append(unsure.url, "first") == done(0)
        assert writers.append(unsure.url, "second", "third") == done(1, 2, duplicate=True)
        assert writers.append(unsure.url, "fourth", durable=True) == done(3, duplicate=True)
        sent = producers(unsure)
    assert values(url) == ["first", "second", "third", "fourth"]
    assert [sequence for _, _, sequence in sent] == [0, 1, 1, 1, 1, 2, 2]
    assert {(name, epoch) for name, epoch, _ in sent} == {(sent[0][0], 0)} and len(sent[0][0]) == 32, "128 bits in hex"


def test_appends_beside_one_another_are_each_applied_once_whatever_breaks(serve, writers):
    url, busy = serve(), (429, "overloaded", {"retry-after": "0"})
    with Scripted(url, ["lost answer", None, busy, "page 502", None, DOWN] * 10) as unsure:
        outcomes = writers.together([append(unsure.url, str(number), settings=PATIENT) for number in range(40)])
    assert sorted(each["start"] for each in outcomes) == list(range(40)), outcomes
    assert sorted(values(url), key=int) == [str(number) for number in range(40)]


@pytest.mark.parametrize("settings", [{"concurrent": 1}, {"producer": {"id": "orders", "epoch": 7}}], ids=["concurrent-1", "named"])
def test_one_append_at_a_time_keeps_the_order_of_the_calls(serve, writers, settings):
    url = serve()
    with Scripted(url, [None, "lost answer", None, DOWN] * 8) as unsure:
        outcomes = writers.together([append(unsure.url, str(number), settings=settings | PATIENT) for number in range(20)])
    assert [each["start"] for each in outcomes] == list(range(20)), outcomes
    assert values(url) == [str(number) for number in range(20)]


def test_kills_and_lost_answers_leave_each_record_once_and_in_order(restarted, writers):
    ended = threading.Event()

    def kill():
        for _ in range(KILLS):
            time.sleep(0.2)
            restarted.kill()
        ended.set()

    killing = threading.Thread(target=kill)
    with Scripted(restarted.url, ["lost answer", None, "lost answer", None, None] * 1000) as unsure:
        killing.start()
        appended = 0
        while not ended.is_set() or appended < 10:
            value = str(appended)
            orders = [append(unsure.url, value, client=key, key=key, durable=True, settings=PATIENT) for key in ("a", "b")]
            outcomes = writers.together(orders)
            assert {each["outcome"] for each in outcomes} == {"Appended"}, outcomes
            appended += 1
        killing.join()
    for key in ("a", "b"):
        assert values(restarted.url, key) == [str(number) for number in range(appended)]


def test_appends_that_a_crash_undid_are_told_and_the_next_ones_are_applied(seldom_durable, writers):
    url = seldom_durable.url
    assert writers.append(url, "durable", durable=True) == done(0)
    assert [writers.append(url, value) for value in ("undone", "undone, too")] == [done(1), done(2)]
    seldom_durable.kill()
    lost = writers.append(url, "not applied")
    assert (lost["outcome"], lost["requests"], lost["starts"], lost["unknown"]) == ("AppendsLost", 2, [1, 2], False), lost
    assert lost["told"].startswith("2 appends that were acknowledged before they were durable were lost in a crash"), lost
    following = writers.append(url, "next", durable=True)
    assert following["outcome"] == "Appended" and values(url) == ["durable", "next"]

    # Also when the crash undid all that the server knew of the producer.
    assert writers.append(url, "undone", client="new")["outcome"] == "Appended"
    seldom_durable.kill()
    lost = writers.append(url, "not applied", client="new")
    assert (lost["outcome"], lost["requests"]) == ("AppendsLost", 1), lost
    assert writers.append(url, "last", client="new")["outcome"] == "Appended"
    assert values(url) == ["durable", "next", "last"]


def test_a_client_whose_name_was_taken_over_is_fenced(serve, writers):
    url = serve()
    zombie, owner = ({"producer": {"id": "owner", "epoch": epoch}} for epoch in (1, 2))
    assert writers.append(url, "zombie", client="zombie", settings=zombie) == done(0)
    assert writers.append(url, "owner", client="owner", settings=owner) == done(1)
    for _ in range(2):
        fenced = writers.append(url, "late", client="zombie")
        assert (fenced["outcome"], fenced["status"], fenced["unknown"]) == ("ProducerFenced", 409, False), fenced
    assert writers.append(url, "again", client="owner") == done(2)
    assert values(url) == ["zombie", "owner", "again"]

    # One that starts again in the same epoch is told, unless it sends the same.
    reused = writers.append(url, "other", client="restarted", settings=owner)
    assert (reused["outcome"], reused["unknown"]) == ("ProducerSequenceReused", False), reused
    assert writers.append(url, "owner", client="restarted") == done(1, duplicate=True)
    assert writers.append(url, "again", client="restarted") == done(2, duplicate=True)
    assert values(url) == ["zombie", "owner", "again"]


def test_of_writers_that_demand_the_same_exactly_one_wins(serve, writers):
    url = serve()
    with Scripted(url, ["lost answer", None] * 30) as unsure:
        for since in range(3):
            race = [append(unsure.url, str(number), client=str(number), since=[["orders", since]]) for number in range(8)]
            outcomes = writers.together(race)
            winners = [each for each in outcomes if each["outcome"] == "Appended"]
            losers = [each for each in outcomes if each["outcome"] == "Conflict"]
            assert [each["start"] for each in winners] == [since] and len(losers) == 7, outcomes
            assert {(each["key"], each["last"], each["unknown"], each["status"]) for each in losers} == {("orders", since, False, 409)}
            assert values(url)[since] == str(outcomes.index(winners[0]))
    assert len(values(url)) == 3


def test_what_was_refused_uses_up_no_sequence(serve, writers):
    url = serve()
    with Scripted(url, []) as server:
        assert writers.append(server.url, "first") == done(0)
        conflict = writers.append(server.url, "second", since=[["orders", 0]])
        assert (conflict["outcome"], conflict["last"], conflict["trimmed"]) == ("Conflict", 0, None), conflict
        assert writers.append(server.url, "x" * (9 << 20))["outcome"] == "TooLarge"
        assert writers.append(server.url, "x", key="")["outcome"] == "InvalidArgument"
        assert writers.append(server.url, "second", since=[["orders", 1], ["other", 0]]) == done(1)
        assert [sequence for _, _, sequence in producers(server)] == [0, 1, 1, 1, 1]
    trimmed = {"status": "error", "code": "conflict", "message": "x", "conflict": {"key": "b3JkZXJz", "trimmedBefore": 7}}
    with Scripted(url, [Raw(json.dumps(trimmed).encode(), 409)]) as server:
        conflict = writers.append(server.url, "third", client="other")
        assert (conflict["key"], conflict["last"], conflict["trimmed"]) == ("orders", None, 7), conflict


def test_an_outcome_that_stays_unknown_is_told_and_cannot_be_taken_for_the_next_append(serve, writers):
    url, settings = serve(), {"patience": 1}
    with Scripted(url, ["lost answer", *[DOWN] * 1000]) as unsure:
        unknown = writers.append(unsure.url, "same", settings=settings)
        assert (unknown["outcome"], unknown["unknown"]) == ("OutcomeUnknown", True), unknown
        before = len(unsure.requests)
        unsure.forget_script()
        assert writers.append(unsure.url, "same") == done(1)
        sent = producers(unsure)
    assert before > 3 and sent[before] == (sent[0][0], 1, 0), sent
    assert values(url) == ["same", "same"]

    # What can never be taken is not sent for so long, nor what is no log server asked.
    for script, requests in [(["lost answer", (413, "too_large", {})], 2), (["page 404"] * 1000, 5)]:
        with Scripted(url, script) as unsure:
            assert writers.append(unsure.url, "x", client=str(requests))["outcome"] == "OutcomeUnknown"
            assert len(unsure.requests) == requests


def test_an_unknown_outcome_outlives_refusals_of_the_retries(serve, writers):
    url = serve()
    refusals = [(503, "fenced", {}), (429, "overloaded", {}), (503, "unavailable", {}), (500, "internal", {})]
    with Scripted(url, ["lost answer", *refusals]) as unsure:
        assert writers.append(unsure.url, "first", settings={"attempts": 1}) == done(0, duplicate=True)
    assert values(url) == ["first"]


def test_a_request_that_was_applied_long_ago_is_a_success(serve, writers):
    url, old = serve(), (409, "producer_sequence_too_old", {})
    with Scripted(url, ["lost answer", old, old]) as unsure:
        assert writers.append(unsure.url, "a", "b") == done(None, 2, duplicate=True)
        # But not one that this client has not sent before.
        assert writers.append(unsure.url, "c")["outcome"] == "ProducerSequenceTooOld"
        assert writers.append(unsure.url, "c") == done(2)
    assert values(url) == ["a", "b", "c"]


def test_a_server_that_forgot_a_producer_matters_only_if_something_depends_on_it(serve, writers):
    url, forgotten = serve(), (409, "producer_unknown", {})
    with Scripted(url, [None, forgotten, None, forgotten, None, "lost answer", forgotten, None, "lost answer", forgotten]) as unsure:
        assert writers.append(unsure.url, "0", durable=True) == done(0)
        assert writers.append(unsure.url, "1") == done(1), "nothing depended on it"
        lost = writers.append(unsure.url, "not applied")
        assert (lost["outcome"], lost["requests"], lost["starts"]) == ("AppendsLost", 1, [1]), lost
        assert writers.append(unsure.url, "2", durable=True) == done(2)
        unknown = writers.append(unsure.url, "3")
        assert (unknown["outcome"], unknown["unknown"]) == ("ProducerUnknown", True), unknown
        assert writers.append(unsure.url, "4") == done(4)
        lost = writers.append(unsure.url, "5")
        assert (lost["outcome"], lost["requests"], lost["unknown"]) == ("AppendsLost", 1, True), lost
    assert values(url) == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize("answer", [b'{"status":"error","code":"producer_out_of_order","message":"x"}',
                                    b'{"status":"error","code":"conflict","message":"x","conflict":{"key":"%"}}'])
def test_a_rejection_without_what_it_must_say_is_no_answer_of_the_server(serve, writers, answer):
    with Scripted(serve(), [Raw(answer, 409)] * 1000) as gateway:
        assert writers.append(gateway.url, "first")["outcome"] == "OutcomeUnknown"
        assert len(gateway.requests) == 5


@cancellable
def test_an_append_that_is_cancelled_cannot_be_taken_for_the_next_one_and_lets_others_go_on(serve, writers):
    url, settings = serve(), {"concurrent": 1, "pause": 1}
    with Scripted(url, ["lost answer", None, "lost answer"]) as unsure:
        waiting = [append(unsure.url, "first", settings=settings), append(unsure.url, "never sent", cancelAfter=0.3),
                   append(unsure.url, "second")]
        assert [each["outcome"] for each in writers.together(waiting)] == ["Appended", "Cancelled", "Appended"]
    with Scripted(url, ["lost answer"]) as unsure:
        # It waits for its second attempt by then.
        cancelled = writers.append(unsure.url, "same", client="cancels", settings={"pause": 30}, cancelAfter=1)
        assert cancelled["outcome"] in ("Cancelled", "OutcomeUnknown")
        assert writers.append(unsure.url, "same", client="cancels") == done(3)
        assert [(epoch, sequence) for _, epoch, sequence in producers(unsure)] == [(0, 0), (1, 0)]
    assert values(url) == ["first", "second", "same", "same"]


def test_without_a_producer_an_unknown_outcome_is_never_sent_again(serve, writers):
    url = serve()
    with Scripted(url, ["lost answer"]) as unsure:
        unknown = writers.append(unsure.url, "first", settings={"producer": False})
        assert unknown["outcome"] == "OutcomeUnknown" and producers(unsure) == [None]
        assert writers.append(unsure.url, "second", since=[["orders", 1]]) == done(1)
    assert values(url) == ["first", "second"]
