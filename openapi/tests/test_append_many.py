"""Streams of appends over sessions, of the clients with a layer by hand: each applied once, in order, whatever breaks."""

import base64
import json
import re
import time

from processes import request

# How many appends are sent without having been answered, unless it is set.
OUTSTANDING = 1_000


def values(url: str, least: int = 0) -> list[int]:
    """All that was appended, once there are so many."""
    found, start = [], 0
    while True:
        status, body = request(f"{url}/api/v1/log/scan?key=k&limit=10000&start_seq={start}")
        assert status == 200, body
        page = json.loads(body)
        found += [int(base64.b64decode(each["value"])) for each in page["values"]]
        start = page["nextSequence"]
        if not page["values"]:
            if len(found) >= least:
                return found
            time.sleep(0.01)


def test_each_append_has_its_outcome_in_order(serve, many):
    url = serve()
    done = many.append(url, appends=many.appends)
    assert (done["error"], done["count"], done["gaps"]) == (None, many.appends, 0), done
    assert done["most"] <= OUTSTANDING
    assert values(url) == list(range(many.appends))
    # No session, for nothing.
    assert many.append(url, appends=0)["count"] == 0


def test_appends_of_several_records_are_each_whole(serve, many):
    url = serve()
    done = many.append(url, appends=300, records=7, durable=True)
    assert (done["error"], done["count"], done["gaps"]) == (None, 300, 0), done
    assert values(url) == list(range(2_100))


def test_a_server_that_is_killed_has_each_append_once_and_in_order(restarted, many):
    many.begin(restarted.url, appends=20_000, durable=True)
    values(restarted.url, least=2_000)
    restarted.kill()
    done = many.became()
    assert (done["error"], done["count"]) == (None, 20_000), done
    assert values(restarted.url) == list(range(20_000))


def test_a_server_that_stops_in_order_has_each_append_once_and_in_order(restarted, many):
    many.begin(restarted.url, appends=20_000)
    values(restarted.url, least=2_000)
    restarted.restart()
    done = many.became()
    assert (done["error"], done["count"]) == (None, 20_000), done
    assert values(restarted.url) == list(range(20_000))


def test_a_rejected_append_ends_the_stream_and_nothing_behind_it_is_applied(serve, many):
    url = serve()
    done = many.append(url, appends=2_000, bad=700)
    assert (done["error"], done["count"], done["unknown"]) == ("TooLarge", 700, False), done
    assert "over the limit of 8192" in done["told"] and "/api/v1/log/session" in done["told"], done
    assert values(url) == list(range(700))


def test_without_a_producer_the_error_says_what_may_have_been_applied(serve, restarted, many):
    url = serve()
    done = many.append(url, appends=5_000, bad=2_500, producer=False)
    assert (done["error"], done["count"], done["unknown"]) == ("TooLarge", 2_500, False), done
    told = re.search(r"up to (\d+) appends behind it may have been applied, too", done["told"])
    found = values(url)
    assert found[:2_500] == list(range(2_500)) and len(found) <= 2_500 + int(told[1] if told else 0), done

    many.begin(restarted.url, appends=20_000, durable=True, producer=False)
    values(restarted.url, least=2_000)
    restarted.kill()
    done = many.became()
    # It goes on only if nothing that was sent was without an answer when the server was killed.
    assert (done["error"], done["unknown"]) in [("OutcomeUnknown", True), (None, False)], done
    assert done["error"] is not None or done["count"] == 20_000, done
    found = values(restarted.url)
    assert done["count"] <= len(found) <= done["count"] + OUTSTANDING and found == list(range(len(found))), done


def test_what_a_crash_undid_is_told(seldom_durable, many):
    url = seldom_durable.url
    many.begin(url, pause=1)
    values(url, least=1_000)
    seldom_durable.kill()
    done = many.became()
    assert done["error"] == "AppendsLost" and "lost in a crash" in done["told"], done
    assert values(url) == []


def test_a_consumer_that_stops_early_ends_the_session(serve, many):
    url = serve()
    done = many.append(url, stop=1_500)
    assert (done["error"], done["count"], done["gaps"]) == (None, 1_500, 0), done
    found = values(url)
    assert found == list(range(len(found))) and 1_500 <= len(found) <= 1_500 + OUTSTANDING
    deadline = time.monotonic() + 10
    # This request is one.
    while "\nhttp_requests_in_flight 1\n" not in request(f"{url}/metrics")[1]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_consumer_that_is_slow_slows_down_who_appends(serve, many):
    done = many.append(serve(), stop=200, pause=1, outstanding=20)
    assert (done["error"], done["count"]) == (None, 200), done
    assert 10 <= done["most"] <= 20, done
