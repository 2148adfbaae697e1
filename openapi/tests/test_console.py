"""The console, as people use it: every screen, with and without tokens, over TLS, below a path of a proxy, on a small screen, by keyboard."""

import json
import shutil
import subprocess
import time
from contextlib import ExitStack, contextmanager

import pytest
from conftest import ROOT
from outcomes import authority
from processes import request
from stripping_proxy import stripping_proxy

# `drive` and `rights` are fixtures.
from console_driver import ADMIN, drive, fill, rights, sample_records

SCREENS = ["#/overview", "#/keys", "#/key?key=orders/4711", "#/prefix?prefix=", "#/tail?prefix=", "#/append?key=orders/4711", "#/cursors", "#/config", "#/access"]
PICTURES = [f"console-{name}-{theme}.png" for name in ["overview", "keys", "key", "prefix", "append", "tail", "cursors", "config"] for theme in ["light", "dark"]]
PICTURE_BYTES = 150_000


@contextmanager
def alive(url):
    """Somebody appends and reads all the time."""
    with ExitStack() as stack:
        program = ("import json, sys, time, urllib.request\n"
                   "url, token, lines = sys.argv[1], sys.argv[2], [line for line in sys.stdin]\n"
                   "for turn in range(10**6):\n"
                   "    body = lines[turn % len(lines)].encode()\n"
                   "    headers = {'Authorization': 'Bearer ' + token, 'Content-Type': 'application/json'}\n"
                   "    urllib.request.urlopen(urllib.request.Request(url + '/api/v1/log/append', body, headers)).read()\n"
                   "    if turn % 3 == 0:\n"
                   "        urllib.request.urlopen(urllib.request.Request(url + '/api/v1/log/scan?prefix=orders/&limit=60', headers=headers)).read()\n"
                   "    time.sleep(0.02 + 0.05 * ((turn // 40) % 3))\n")
        writer = subprocess.Popen(["python3", "-c", program, url, ADMIN], stdin=subprocess.PIPE, text=True)
        stack.callback(writer.wait)
        stack.callback(writer.kill)
        for turn in range(200):
            some = sample_records(turn)[turn % 61: turn % 61 + 9]
            # The walk appends to this one, on a condition.
            some = [each for each in some if each["keyText"] != "orders/4711"]
            writer.stdin.write(json.dumps({"records": some, "awaitDurable": turn % 3 == 0}) + "\n")
        writer.stdin.close()
        yield


@pytest.mark.parametrize("way", ["without tokens", "with tokens below a path of a proxy", "with tokens over TLS"])
def test_every_screen_works_for_a_person(way, serve, run, rights, tmp_path, drive, update):
    settings = {"LOG_SEGMENTS__SEAL_INTERVAL": "4s" if update else "1s"}
    if "with tokens" in way:
        settings |= {"LOG_AUTH__TOKENS": rights}
    if "TLS" in way:
        settings |= authority(tmp_path)
    pictures = update and way == "without tokens"
    # The address in pictures is the one that the docs name.
    url = serve(port=8080 if pictures else 0, **settings)
    fill(url)
    options = {"themes": ["Light", "Dark"] if way == "without tokens" else [], "token": ADMIN if "with tokens" in way else None, "folder": str(tmp_path) if pictures else None}
    with ExitStack() as stack:
        if pictures:
            stack.enter_context(alive(url))
            time.sleep(25)
        below = stack.enter_context(stripping_proxy(url, "/some/log")) if "proxy" in way else url
        seen = drive("screens", below, **options)

    assert seen["landed"].removeprefix(below) == "/console", seen
    assert seen["newest"] == 50, seen["newest"]
    assert seen["focused"] == "orders/47", "the search keeps the focus"
    assert seen["jumps"] and seen["reference"] == [True, 200], seen
    programs = seen["programs"]
    assert f"curl {below}/api/v1/log/append" in programs["curl"], programs
    assert "it'\\''s late" in programs["curl"] and '"noRecordSince":0' in programs["curl"], programs
    assert ("$LOG_TOKEN" in programs["curl"]) == ("with tokens" in way), programs
    assert "if_no_record_since={b\"orders/4711\": 0}" in programs["Python"] and "await_durable=True" in programs["Python"], programs
    assert f"opendata-log append --url {below} --durable --if-unchanged-since 0 --header event-type=order.refunded orders/4711" in programs["Command line"]
    if way == "without tokens":
        appends_the_same(programs, url, run)
    if pictures:
        for name in PICTURES:
            assert 10_000 < (tmp_path / name).stat().st_size < PICTURE_BYTES, (name, (tmp_path / name).stat().st_size)
            shutil.copy(tmp_path / name, ROOT / "docs/images" / name)
    for name in PICTURES:
        assert (ROOT / "docs/images" / name).is_file(), f"{name}: run with --update"


def appends_the_same(programs, url, run):
    """What the form shows is what it does: the command as it is, but for a precondition that holds."""
    run("bash", "-c", programs["curl"].replace('"noRecordSince":0', '"noRecordSince":99999'))
    status, body = request(f"{url}/api/v1/log/scan?key=orders/4711&last=1&format=text")
    [value] = json.loads(body)["values"]
    assert json.loads(value["valueText"]) == {"event": "refunded", "order": 4711, "note": "it's late"}, body
    assert value["headers"] == [{"name": "event-type", "valueText": "order.refunded"}], body
    compile(programs["Python"], "shown", "exec")


def test_small_screens_have_every_screen_without_scrolling_sideways(serve, drive):
    url = serve()
    fill(url)
    drive("small", url, width=360, height=740, theme="dark", hashes=SCREENS)


def test_an_overview_that_nobody_sees_asks_for_nothing(serve, drive):
    seen, unseen, again = drive("hidden", serve())["asked"]
    assert 1 <= seen <= 2 and unseen == 0 and 1 <= again <= 2, (seen, unseen, again)


def test_a_keyboard_is_enough(serve, drive):
    url = serve()
    fill(url)
    walked = drive("keyboard", url)["walked"]
    assert walked["skip"] == "Skip to the content" and walked["skipped"] == "content", walked
    assert walked["views"] == ["Keys", "Records in order", "Live tail", "Append", "Cursors", "Configuration", "Access", "Overview"], walked
    assert walked["unseen"] == [] and walked["expanded"], walked
