"""What the tests share: `--update`, the tools, and servers of their own. A test that is skipped fails the run."""

import os
import re
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OPENAPI = ROOT / "openapi"
VENV = ROOT / ".tools/venv/bin"
NODE_MODULES = ROOT / ".tools/node/node_modules"
START_SECONDS = 60


def pytest_addoption(parser):
    parser.addoption("--update", action="store_true", help="write generated files instead of comparing them")


def pytest_sessionfinish(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def update(request):
    """Whether to write what is generated instead of comparing it."""
    return request.config.getoption("--update")


@pytest.fixture(scope="session")
def run():
    """Runs a program to its end, which must be a success; answers what it said."""

    def run_one(*command, seconds=300, **options):
        environment = os.environ | {"NO_COLOR": "1", "REDOCLY_TELEMETRY": "off"} | options.pop("env", {})
        ended = subprocess.run(
            [str(part) for part in command], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=seconds, text=True, **options)
        assert ended.returncode == 0, f"{command[0]} ended with {ended.returncode}:\n{ended.stdout[-8000:]}"
        return ended.stdout

    return run_one


@pytest.fixture
def serve(tmp_path):
    """Starts servers with their data in memory, and ends them after the test."""
    binary = os.environ.get("LOG_TEST_BINARY", "")
    assert os.access(binary, os.X_OK), "LOG_TEST_BINARY names no executable: run openapi/tests/run"
    started = []

    def serve_one(port=0, **settings):
        log = tmp_path / f"server-{len(started)}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [binary, "--in-memory", "--port", str(port)], env={"PATH": os.environ["PATH"], **settings},
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        started.append(process)
        return address(process, log)

    yield serve_one
    for process in started:
        process.kill()
        process.wait()


def address(process: subprocess.Popen, log: Path) -> str:
    """Where the server listens, once it is ready."""
    end = time.monotonic() + START_SECONDS
    while True:
        found = re.search(r"\d+\.\d+\.\d+\.\d+:\d+", log.read_text())
        if found:
            url = f"http://{found[0]}"
            try:
                urllib.request.urlopen(f"{url}/-/ready", timeout=5).close()
                return url
            except OSError:
                pass
        assert process.poll() is None and time.monotonic() < end, f"the server did not become ready:\n{log.read_text()}"
        time.sleep(0.05)


@pytest.fixture
def tokens(tmp_path):
    """A token file, for LOG_AUTH__TOKENS: `reader-token-of-the-tests` may read, `admin-token-of-the-tests` everything."""
    path = tmp_path / "tokens"
    path.write_text("reader read reader-token-of-the-tests\nadmin admin admin-token-of-the-tests\n")
    path.chmod(0o600)
    return str(path)
