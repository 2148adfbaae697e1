"""The console when things are not as they should be: what strangers wrote, tokens that may do little, restarts, errors, servers that only read."""

import json
import os
import re

from conftest import OPENAPI, ROOT

# `drive` and `rights` are fixtures.
from console_driver import ADMIN, APPENDER, READER, b64, drive, fill, post, put_cursor, rights, sample_records

CONSOLE = ROOT / "adapters/src/http/routes/console"
RLO, ZERO_WIDTH = "\u202e", "\u200b"
SCRIPT = "<script>window.hacked = 1</script>"
IMAGE = "<img src=x onerror='window.hacked = 2'>"


def test_the_modules_are_right_on_random_input(run):
    seed = os.environ.get("LOG_TEST_FUZZ", "1")
    assert int(run("node", OPENAPI / "tests/console_modules.mjs", CONSOLE, seed)) == 12


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
        {"keyText": "x" * 2_000, "valueText": "of a long key"},
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
    # Follow and Append are visible next to every key, however long it is.
    assert seen["beyond"] == 0, seen["beyond"]
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
    for hash in hashes[1:3]:
        assert "Follow" in texts[f"{READER} {hash}"] and "Append" not in texts[f"{READER} {hash}"], texts[f"{READER} {hash}"]
    assert "Append" in texts[f"{APPENDER} {hashes[2]}"] and "Follow" not in texts[f"{APPENDER} {hashes[2]}"], texts[f"{APPENDER} {hashes[2]}"]
    overview = texts[f"{READER} {hashes[0]}"]
    assert "in the write-ahead log so far" in overview and not re.search(r"\b1 (segment|record|cursor)s", overview), overview
    # Nothing is left after signing out, and nothing was ever kept beyond the session.
    assert seen["stored"] == [0, ""], seen["stored"]


def test_a_tail_goes_on_through_restarts_and_takes_no_more_memory(restarted, drive):
    some, many, size = 600, 6_000, 4_000
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
    # It does not keep what came: that is a third more in base64, of which garbage may be left.
    assert after < before + many * size * 4 / 3 / 2, seen["heap"]


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
