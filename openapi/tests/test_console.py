"""The console, as people use it: in Chromium, against live servers. What goes wrong on a page, and what it asks of others, fails every test."""

import base64
import json
import re
import shutil
import subprocess
import time
from contextlib import ExitStack, contextmanager

import pytest
from conftest import NODE_MODULES, OPENAPI, ROOT
from outcomes import authority
from processes import request
from stripping_proxy import stripping_proxy

SCRIPTS = ["console.mjs", "console_page.mjs", "console_screens.mjs"]
ADMIN, READER = "admin-token-of-the-tests", "reader-token-of-the-tests"
APPENDER = "appender-token-of-the-tests"
SCREENS = ["#/overview", "#/keys", "#/key?key=orders/4711", "#/prefix?prefix=", "#/tail?prefix=", "#/append?key=orders/4711", "#/cursors", "#/config", "#/access"]
PICTURES = [f"console-{name}-{theme}.png" for name in ["overview", "keys", "key", "prefix", "append", "tail", "cursors", "config"] for theme in ["light", "dark"]]
PICTURE_BYTES = 150_000
RLO, ZERO_WIDTH = "\u202e", "\u200b"
SCRIPT = "<script>window.hacked = 1</script>"
IMAGE = "<img src=x onerror='window.hacked = 2'>"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def post(url, records, token=ADMIN, **more):
    status, body = request(f"{url}/api/v1/log/append", {"Authorization": f"Bearer {token}"}, json.dumps({"records": records, **more}).encode())
    assert status == 200, body
    return json.loads(body).get("startSequence", 0)


def put_cursor(url, name, position):
    status, body = request(f"{url}/api/v1/log/cursors/{name}", {"Authorization": f"Bearer {ADMIN}"}, json.dumps({"position": position}).encode(), "PUT")
    assert status == 200, body


def order(number, state):
    value = {"event": state, "order": number, "total": {"amount": round(number / 37, 2), "currency": "EUR"}}
    headers = [{"name": "content-type", "valueText": "application/json"}, {"name": "event-type", "valueText": f"order.{state}"}]
    return {"keyText": f"orders/{number}", "valueText": json.dumps(value), "headers": headers}


def sample_records(turn=0):
    """Records of a shop, a house and an audit, of 110 keys."""
    states = ["created", "paid", "packed", "shipped", "delivered"]
    records = [order(4700 + (turn * 7 + at * 3) % 61, states[(turn + at) % 5]) for at in range(61)]
    for at in range(48):
        reading = {"celsius": 18 + (turn * 3 + at) % 7 + at / 10, "humidity": 35 + (turn + at) % 20}
        records.append({"keyText": f"devices/thermostat-{at + 1:02}", "valueText": json.dumps(reading)})
    records.append({"keyText": "audit/logins", "valueText": f"user {300 + turn} signed in from 10.0.4.{turn % 250}"})
    return records


def fill(url):
    for turn in range(8):
        post(url, sample_records(turn), awaitDurable=turn == 7)
    put_cursor(url, "orders-projection", 640)
    put_cursor(url, "search-index", 811)


class Driven:
    """A scenario of console.mjs, while it runs."""

    def __init__(self, folder, scenario, options):
        # Node looks for packages from where a script is.
        for script in SCRIPTS:
            shutil.copy(OPENAPI / "tests" / script, folder)
        if not (folder / "node_modules").exists():
            (folder / "node_modules").symlink_to(NODE_MODULES)
        self.errors = folder / "console.log"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                ["node", folder / "console.mjs", scenario, shutil.which("chromium"), json.dumps(options)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)

    def seen(self, doing=None):
        """What it saw in the end, after doing what it waits for in between."""
        with self.process as process:
            for line in process.stdout:
                said = json.loads(line)
                if "wait" not in said:
                    break
                doing(said["wait"])
                process.stdin.write("\n")
                process.stdin.flush()
            else:
                raise AssertionError(f"it ended early:\n{self.errors.read_text()[-6000:]}")
        for wrong in ["console", "violations", "elsewhere", "axe", "wide"]:
            assert said[wrong] == [], (wrong, said[wrong])
        return said


@pytest.fixture
def drive(tmp_path):
    """Drives a scenario; what it saw."""

    def drive_one(scenario, url, doing=None, **options):
        return Driven(tmp_path, scenario, {"url": url, **options}).seen(doing)

    return drive_one


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


@pytest.fixture
def rights(tmp_path):
    """A token file with one for each right."""
    path = tmp_path / "rights"
    path.write_text(f"reader read {READER}\nappender append {APPENDER}\nadmin admin {ADMIN}\n")
    path.chmod(0o600)
    return str(path)


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


def test_a_keyboard_is_enough(serve, drive):
    url = serve()
    fill(url)
    walked = drive("keyboard", url)["walked"]
    assert walked["skip"] == "Skip to the content" and walked["skipped"] == "content", walked
    assert walked["views"] == ["Overview", "Keys", "Records in order", "Live tail", "Append", "Cursors", "Configuration", "Access"], walked
    assert walked["unseen"] == [] and walked["expanded"], walked


def test_what_strangers_wrote_shows_as_text(serve, drive):
    url = serve()
    name = "x\r\n".replace("\r\n", "") + IMAGE
    controls = "bell \x07, escape \x1b[31m, nul \x00"
    post(url, [
        {"keyText": SCRIPT, "valueText": SCRIPT, "headers": [{"name": name, "valueText": IMAGE}]},
        {"keyText": f"bidi/{RLO}gnp.exe", "valueText": f"user{RLO}nimda{ZERO_WIDTH}"},
        {"keyText": "controls", "valueText": controls},
        {"key": b64(b"binary/\xff\x00"), "value": b64(b"\xff\xfe<b>bold</b>\x00")},
        {"keyText": "json", "valueText": json.dumps({"html": IMAGE, "big": 12345678901234567890})},
        {"keyText": "large", "valueText": "<i>" + "x" * 1_000_000 + "</i>"},
    ])
    put_cursor(url, "%3Cimg%20src%3Dx%20onerror%3D%22window.hacked%3D3%22%3E", 1)
    quoted_script = "%3Cscript%3Ewindow.hacked%20%3D%201%3C/script%3E"
    seen = drive("hostile", url, hashes={
        "keys": "#/keys", "script": f"#/key?key={quoted_script}", "bidi": f"#/key?key=bidi/{'%E2%80%AE'}gnp.exe", "controls": "#/key?key=controls",
        "binary": f"#/key?key_base64={b64(b'binary/' + bytes([255, 0]))}", "json": "#/key?key=json", "large": "#/key?key=large",
        "prefix": "#/prefix?prefix=", "tail": "#/tail?prefix=&start=all", "cursors": "#/cursors", "append": f"#/append?key={quoted_script}",
        "nowhere": f"#/{IMAGE}", "search": f"#/keys?prefix={quoted_script}%3Cb%3E"})
    # The logo is the only image, and the script of the page the only script.
    assert seen["made"] == {"hacked": False, "images": 1, "scripts": 1, "frames": 0, "unseen": False}, seen["made"]
    texts = seen["texts"]
    for screen in ["keys", "script Text", "prefix Text", "tail Text"]:
        assert SCRIPT in texts[screen], (screen, texts[screen])
    assert IMAGE in texts["script Text"] and IMAGE in texts["prefix Text"], texts["script Text"]
    assert "<img src=x onerror=\"window.hacked=3\">" in texts["cursors"], texts["cursors"]
    assert "bidi/\\u202egnp.exe" in texts["keys"] and "user\\u202enimda\\u200b" in texts["bidi Text"], texts["bidi Text"]
    assert "bell \\x07, escape \\x1b[31m, nul \\0" in texts["controls Text"], texts["controls Text"]
    assert "\\xff\\xfe<b>bold</b>\\0" in texts["binary Text"] and "not UTF-8" in texts["binary Text"], texts["binary Text"]
    assert "ff fe 3c 62 3e" in texts["binary Hex"], texts["binary Hex"]
    assert '"big": 12345678901234567890' in texts["json JSON"], texts["json JSON"]
    assert seen["large"] == 1 and len(texts["large Text"]) < 100_000, seen["large"]


def test_what_a_token_may_not_do_is_said_and_not_tried(serve, rights, drive):
    url = serve(LOG_AUTH__TOKENS=rights)
    post(url, sample_records())
    hashes = ["#/overview", "#/keys", "#/key?key=orders/4711", "#/append?key=orders/4711", "#/cursors", "#/config"]
    seen = drive("rights", url, tokens=[{"token": READER, "hashes": hashes}, {"token": APPENDER, "hashes": hashes}])
    texts = seen["texts"]
    for token, hash, right in [(READER, hashes[3], "append"), (READER, hashes[5], "admin"), *((APPENDER, hash, "read") for hash in [*hashes[:3], hashes[4]])]:
        assert f"needs the right {right}. This token has:" in texts[f"{token} {hash}"], texts[f"{token} {hash}"]
    assert "needs the right append" in texts[f"{READER} {hashes[4]}"], "cursors can be seen and not moved"
    assert "The same elsewhere" in texts[f"{APPENDER} {hashes[3]}"] and "orders/4711" in texts[f"{READER} {hashes[1]}"]
    # Nothing is left after signing out, and nothing was ever kept beyond the session.
    assert seen["stored"] == [0, ""], seen["stored"]


def test_a_tail_goes_on_through_restarts_and_takes_no_more_memory(restarted, drive):
    some, many, size = 600, 6_000, 2_000
    url = restarted.url

    def doing(what):
        if what == "restart":
            restarted.kill()
        number = {"some": some, "many": many}.get(what, 1)
        for at in range(0, number, 200):
            post(url, [{"keyText": f"orders/{at}", "valueText": f"{what} {'x' * size}"} for _ in range(min(200, number - at))], awaitDurable=True)

    seen = drive("tail", url, doing, some=some, many=many)
    assert seen["rows"] == 500, seen["rows"]
    assert "many" in seen["last"] and "many" in seen["paused"] and "restart" in seen["afterRestart"], seen
    before, after = seen["heap"]
    assert after < before + 3 * 500 * size, seen["heap"]


def test_errors_are_said_in_words(serve, drive):
    codes = {"permission_denied": 403, "overloaded": 429, "unavailable": 503, "fenced": 503, "deadline_exceeded": 504, "internal": 500}
    url = serve()
    post(url, sample_records())
    seen = drive("errors", url, codes=codes)
    texts = seen["texts"]
    for code, words in [
        ("permission_denied", "Not allowed"), ("overloaded", "The server is overloaded"), ("unavailable", "The server is not available"),
        ("fenced", "Another server took over"), ("deadline_exceeded", "look before you repeat it"), ("internal", "This is a bug")]:
        assert words in texts[code] and "told by the test" in texts[code], texts[code]
    assert "It may work again in 7 s" in texts["overloaded"], texts["overloaded"]
    assert seen["again"] == 1


def test_a_read_only_server_has_a_console_that_says_so(start, replicated, drive, tmp_path):
    writer, replica = replicated
    fill(writer)
    seen = drive("texts", replica, hashes=["#/overview", "#/append", "#/keys"])
    assert "read-only" in seen["texts"]["#/overview"], seen
    assert "This server is read-only" in seen["texts"]["#/append"] and "--writer-url" in seen["texts"]["#/append"], seen
    forwarding = start(["--read-only", "--data-dir", str(tmp_path / "replicated"), "--port", "0", "--writer-url", writer], {})
    forwarding.wait_until("it says where it listens", forwarding.url)
    forwarding.wait_until_ready(forwarding.url())
    seen = drive("texts", forwarding.url(), hashes=["#/append?key=orders/1"])
    assert f"forwards it to {writer}" in re.sub(r"\s+", " ", seen["texts"]["#/append?key=orders/1"]), seen
