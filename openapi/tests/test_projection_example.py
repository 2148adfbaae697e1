"""The outbox and the projection of docs/projections.md, as they are written there, killed again and again."""

import contextlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from conftest import OPENAPI, ROOT

sys.path.insert(0, str(OPENAPI / "clients/python"))

from opendata_log import LogClient, Prefix  # noqa: E402

PAGE = (ROOT / "docs/projections.md").read_text()
KILLS = 50
DEPOSITS = 500
ENDLESS = 1_000_000

# Runs a program in a process that has imported the client already, so that 50 of them start within the time of a test. It prints the number of
# the process, and how it ended.
FORKING = """
import json, os, runpy, sys
import opendata_log
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            sys.argv = json.loads(line)
            os.dup2(2, 1)
            runpy.run_path(sys.argv[0], run_name="__main__")
        finally:
            os._exit(1)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def programs(tmp_path):
    """Starts the programs of the page."""
    started = []
    for name in ("outbox.py", "projection.py"):
        [code] = re.findall(rf"Save this as `{name}`:\n\n```python\n(.*?)```", PAGE, re.DOTALL)
        (tmp_path / name).write_text(code)

    def start_one(name, *arguments):
        environment = os.environ | {"PYTHONPATH": str(OPENAPI / "clients/python")}
        command = [sys.executable, str(tmp_path / name), *map(str, arguments)]
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        return started[-1]

    yield start_one
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def killed(programs, tmp_path):
    """Starts the projection, and kills it after some seconds, and once it is as far as it should be."""
    environment = os.environ | {"PYTHONPATH": str(OPENAPI / "clients/python")}
    forking = subprocess.Popen(
        [sys.executable, "-c", FORKING], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def kill_one(seconds, is_far_enough, *arguments):
        forking.stdin.write(json.dumps([str(tmp_path / "projection.py"), *map(str, arguments)]) + "\n")
        forking.stdin.flush()
        child = int(forking.stdout.readline())
        time.sleep(seconds)
        end = time.monotonic() + 10
        while not is_far_enough() and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
        assert int(forking.stdout.readline()) == -signal.SIGKILL, "it ended by itself"

    yield kill_one
    with forking:
        forking.stdin.close()


def kill(process):
    """Kills it; it must not have ended by itself."""
    assert process.poll() is None, process.stdout.read()
    process.kill()
    process.wait()


def rows(path, query):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def position(path):
    """Where a projection is; None where a program was killed in the middle of a transaction, which it must undo itself."""
    if not path.exists() or path.with_name(f"{path.name}-journal").exists():
        return None
    tables = rows(path, "SELECT count(*) FROM sqlite_master WHERE name = 'progress'") == [(1,)]
    found = rows(path, "SELECT position FROM progress") if tables else []
    return found[0][0] if found else None


def test_the_outbox_and_the_projection_of_the_page_are_exact_whatever_is_killed(restarted, programs, killed, tmp_path):
    seed = random.randrange(2**32)
    print("seed", seed)
    moments = random.Random(seed)
    accounts, sums = tmp_path / "accounts.db", tmp_path / "sums.db"
    outbox = programs("outbox.py", restarted.url, accounts, ENDLESS)
    positions = [0]
    for kills in range(KILLS):
        def is_far_enough(waits=kills % 3 == 0):
            return not waits or (position(sums) or 0) > positions[-1]

        # It has read a batch after some hundredths of a second, and then one every tenth: on a slow machine, later.
        killed(moments.uniform(0, 0.4), is_far_enough, restarted.url, sums)
        reached = position(sums)
        positions += [] if reached is None else [reached]
        if kills % 16 == 8:
            kill(outbox)
            outbox = programs("outbox.py", restarted.url, accounts, ENDLESS)
        if kills % 20 == 10:
            restarted.kill()
    kill(outbox)
    outbox = programs("outbox.py", restarted.url, accounts, DEPOSITS)
    assert outbox.wait(timeout=60) == 0, outbox.stdout.read()

    with LogClient(restarted.url) as log:
        events = list(log.scan(Prefix(b"accounts/"), visibility="durable"))
    # Each row of the outbox is in the log, once and in order, and the log has no other.
    assert [(record.key, record.value) for record in events] == rows(accounts, "SELECT key, event FROM outbox ORDER BY number")
    assert len(events) >= DEPOSITS
    expected = {}
    for record in events:
        balance, count = expected.get(record.key, (0, 0))
        expected[record.key] = balance + json.loads(record.value)["deposited"], count + 1

    projection = programs("projection.py", restarted.url, sums)
    end = time.monotonic() + 30
    while (position(sums) or 0) <= events[-1].sequence:
        assert projection.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    kill(projection)
    found = rows(sums, "SELECT * FROM balances")
    assert {b"accounts/" + account: (balance, count) for account, balance, count in found} == expected
    assert {key.removeprefix(b"accounts/").decode(): balance for key, (balance, _) in expected.items()} == dict(
        rows(accounts, "SELECT name, balance FROM accounts"))
    assert positions == sorted(positions) and len(set(positions)) > KILLS // 5, "the kills came between the batches of the projection"


def test_a_second_projection_on_the_same_database_ends_before_it_applies_a_record_twice(serve, programs, tmp_path):
    url, path, appended = serve(), tmp_path / "sums.db", 0
    first = programs("projection.py", url, path)
    second, end = None, time.monotonic() + 60
    with LogClient(url) as log:
        # They meet at the first record that comes when both are there, which takes the second one a while.
        while first.poll() is None and (second is None or second.poll() is None):
            assert time.monotonic() < end, "both go on"
            log.append([(b"accounts/a", b'{"deposited": 1}')], await_durable=True)
            appended += 1
            while not path.exists() or (position(path) or 0) < appended:
                assert time.monotonic() < end
                time.sleep(0.05)
            second = second or programs("projection.py", url, path)
            time.sleep(0.2)
    ended, goes_on = (first, second) if first.poll() is not None else (second, first)
    assert ended.wait() == 1 and "another process has moved this projection on" in ended.stdout.read()
    assert goes_on.poll() is None and rows(path, "SELECT * FROM balances") == [(b"a", appended, appended)]


def test_a_projection_stops_at_records_that_were_trimmed(serve, programs, tmp_path):
    url = serve()
    with LogClient(url) as log:
        log.append([(b"accounts/a", b'{"deposited": 1}')] * 3, await_durable=True)
        log.trim_before(2)
    stopped = programs("projection.py", url, tmp_path / "sums.db")
    assert stopped.wait(timeout=30) == 1 and "records before 2 were trimmed" in stopped.stdout.read()
