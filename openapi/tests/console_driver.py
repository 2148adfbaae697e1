"""Drives the console in Chromium, against live servers that tests fill. What goes wrong on a page, and what it asks of others, fails every test."""

import base64
import json
import shutil
import subprocess

import pytest
from conftest import NODE_MODULES, OPENAPI
from processes import request

SCRIPTS = ["console.mjs", "console_page.mjs", "console_screens.mjs"]
ADMIN, READER = "admin-token-of-the-tests", "reader-token-of-the-tests"
APPENDER = "appender-token-of-the-tests"


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


@pytest.fixture
def rights(tmp_path):
    """A token file with one for each right."""
    path = tmp_path / "rights"
    path.write_text(f"reader read {READER}\nappender append {APPENDER}\nadmin admin {ADMIN}\n")
    path.chmod(0o600)
    return str(path)
