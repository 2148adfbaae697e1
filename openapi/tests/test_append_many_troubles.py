"""Streams of appends whose input pauses, and whose server restarts slowly, says no or is silent: the same in all clients with a layer by hand."""

import re
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from processes import free_ports, request

from append_programs import Program
from conftest import OPENAPI
from outcomes import authority

sys.path.insert(0, str(OPENAPI / "clients/python"))

from sessions import Connection, Sessions  # noqa: E402

MIB = 1024 * 1024


def test_a_restart_that_takes_longer_than_the_attempts_is_survived(restarted, many):
    many.begin(restarted.url, appends=200, attempts=2, pause_at=[100, 1.5])
    wait_until(lambda: '"count":100' in counted(restarted.url))
    restarted.restart_after(4)
    stopped = time.monotonic()
    done = many.became()
    assert (done["error"], done["count"], done["gaps"]) == (None, 200, 0), done
    assert time.monotonic() - stopped > 3


def test_a_server_that_stays_away_is_given_up_after_the_patience(restarted, many):
    many.begin(restarted.url, appends=200, attempts=10, patience=1, pause_at=[100, 1.5])
    wait_until(lambda: '"count":100' in counted(restarted.url))
    restarted.stop()
    began = time.monotonic()
    done = many.became()
    assert (done["error"], done["count"], done["unknown"]) == ("Unavailable", 100, False), done
    assert time.monotonic() - began < 10


def test_a_server_that_never_answered_is_given_up_after_the_attempts(many):
    began = time.monotonic()
    done = many.append(f"http://127.0.0.1:{free_ports(1)[0]}", appends=10, attempts=3)
    assert (done["error"], done["count"], done["unknown"]) == ("Unavailable", 0, False), done
    assert time.monotonic() - began < 10


def test_outcomes_do_not_wait_for_the_next_append(serve, many):
    done = many.append(serve(), appends=20, waits=True)
    assert (done["error"], done["count"], done["held"]) == (None, 20, 0), done


def test_an_input_that_pauses_for_longer_than_the_timeout_does_no_harm(serve, many):
    done = many.append(serve(), appends=20, timeout=0.5, pause_at=[10, 2])
    assert (done["error"], done["count"], done["gaps"]) == (None, 20, 0), done


def test_a_silent_server_is_noticed_while_the_input_pauses(many):
    def silent(connection: Connection):
        connection.open()
        connection.closed()

    with Sessions(silent) as server:
        began = time.monotonic()
        done = many.append(server.url, appends=10, timeout=0.5, patience=1, pause_at=[3, 10])
        assert (done["error"], done["count"], done["unknown"]) == ("OutcomeUnknown", 0, True), done
        assert "up to 2 appends behind it may have been applied, too" in done["told"]
        assert server.connections >= 2 and time.monotonic() - began < 8


def test_a_refusal_arrives_although_the_server_closed_while_more_was_sent(many):
    def too_large(connection: Connection):
        connection.open()
        # By then the client waits until it can send on.
        time.sleep(0.5)
        connection.refuse("too_large")
        # What was not read makes it a reset.

    with Sessions(too_large) as server:
        done = many.append(server.url, appends=20, bytes=MIB, attempts=1)
        assert (done["error"], done["count"], done["unknown"]) == ("TooLarge", 0, False), done
        assert server.connections == 1


def test_a_refusal_to_open_that_never_ends_is_given_up(many):
    def endless(connection: Connection):
        connection.send(b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
        while True:
            connection.send(b" ")
            time.sleep(0.1)

    with Sessions(endless) as server:
        began = time.monotonic()
        done = many.append(server.url, appends=1, timeout=0.5, attempts=2)
        assert (done["error"], done["count"], done["unknown"]) == ("Unavailable", 0, False), done
        assert server.connections == 2 and time.monotonic() - began < 10


def test_an_answer_that_does_not_say_where_it_ends_opens_no_session(many):
    for head in [b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n"]:
        taken = []

        def without_an_end(connection: Connection, head=head, taken=taken):
            connection.send(head + b"Content-Type: application/protobuf; delimited=true\r\n\r\n")
            taken.append(connection.appends(1))

        with Sessions(without_an_end) as server:
            done = many.append(server.url, appends=3, timeout=5)
            assert (done["error"], done["count"], done["unknown"]) == ("UnexpectedAnswer", 0, False), done
            assert "must be chunked" in done["told"]
            wait_until(lambda taken=taken: taken)
            assert taken == [[]] and server.connections == 1


def test_the_error_of_the_first_append_in_doubt_says_how_many_others_are(many):
    def breaks(connection: Connection):
        connection.open()
        connection.appends(3)
        connection.reset()

    for code, error in [("producer_fenced", "ProducerFenced"), ("producer_unknown", "ProducerUnknown")]:
        def refuses(connection: Connection, code=code):
            connection.open()
            connection.appends(1)
            connection.refuse(code)

        with Sessions(breaks, refuses) as server:
            done = many.append(server.url, appends=3)
            assert (done["error"], done["count"], done["unknown"]) == (error, 0, True), done
            assert re.search(r"up to [12] appends? behind it may have been applied, too", done["told"]), done


def test_an_idle_session_notices_that_its_server_is_gone(serve, many):
    url = serve()
    many.begin(url, appends=20, pause_at=[10, 3])
    wait_until(lambda: '"count":10' in counted(url))
    # Nothing is on its way: the only timer of the connection is the one that asks whether the other side is there.
    wait_until(lambda: "02" in timers(urlsplit(url).port))
    done = many.became()
    assert (done["error"], done["count"]) == (None, 20), done


def test_over_tls_all_is_the_same(serve, many, tmp_path):
    url = serve(**authority(tmp_path)).replace("127.0.0.1", "localhost")
    done = many.append(url, appends=1, attempts=1)
    assert (done["error"], done["count"]) == ("Unavailable", 0), done
    trusted = str(tmp_path / "ca.pem")
    with Program(many.program, {"SSL_CERT_FILE": trusted, "NODE_EXTRA_CA_CERTS": trusted}) as trusting:
        done = trusting.append(url, appends=3_000, timeout=5, pause_at=[2_000, 0.5])
        assert (done["error"], done["count"], done["gaps"]) == (None, 3_000, 0), done
        done = trusting.append(url, appends=20, waits=True)
        assert (done["error"], done["count"], done["held"]) == (None, 20, 0), done
        done = trusting.append(url, appends=20, bytes=MIB, bad=10)
        assert (done["error"], done["count"]) == ("TooLarge", 10), done


def test_streams_that_end_in_order_share_their_producer(many):
    taken = []

    def answers(connection: Connection):
        connection.open()
        taken.append(connection.appends(2))
        for _ in taken[-1]:
            connection.answer(0)
        connection.end()

    with Sessions(answers) as server:
        done = many.append(server.url, appends=2, calls=3)
        assert (done["error"], done["count"]) == (None, 6), done
    names = [(append.producer.id, append.producer.epoch, append.producer.sequence) for appends in taken for append in appends]
    assert [(*names[0][:2], sequence) for sequence in range(6)] == names


def test_a_crash_between_two_streams_is_told_by_the_later_one(seldom_durable, many):
    many.begin(seldom_durable.url, appends=10, calls=2, pause_at=[0, 3])
    wait_until(lambda: '"count":10' in counted(seldom_durable.url))
    seldom_durable.kill()
    done = many.became()
    assert (done["error"], done["count"]) == ("AppendsLost", 10) and "10 appends that were acknowledged" in done["told"], done


def test_a_producer_with_an_append_in_doubt_is_not_used_again(many):
    taken = []

    def answers_one(connection: Connection):
        connection.open()
        taken.append(connection.appends(2))
        connection.answer(0)
        connection.closed()

    with Sessions(answers_one) as server:
        done = many.append(server.url, appends=2, calls=2, stop=1)
        assert (done["error"], done["count"]) == (None, 2), done
    assert len({append.producer.id for appends in taken for append in appends}) == 2


def wait_until(holds):
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def counted(url: str) -> str:
    """How many records there are, as the server tells it."""
    return request(f"{url}/api/v1/log/count?key=k")[1]


def timers(port: int) -> list[str]:
    """The kinds of the timers of connections to this port that are open; `02` asks whether the other side is there."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row[5][:2] for row in rows if row[2].endswith(f":{port:04X}") and row[3] == "01"]
