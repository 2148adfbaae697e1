"""What the tests share: `--update`, the server, the S3 server. A test that is skipped fails the run."""

import difflib
import os
from pathlib import Path

import pytest

import processes


def pytest_addoption(parser):
    parser.addoption("--update", action="store_true", help="write generated files instead of comparing them")


def pytest_sessionfinish(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def binary():
    """The server's executable."""
    path = os.environ.get("LOG_TEST_BINARY", "")
    assert os.access(path, os.X_OK), "LOG_TEST_BINARY names no executable: run charts/tests/run"
    return path


@pytest.fixture
def generated(request):
    """Compares a committed file with what it is generated from, or writes it with `--update`."""

    def check(path: Path, text: str):
        if request.config.getoption("--update"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            return
        committed = path.read_text() if path.exists() else ""
        difference = "\n".join(difflib.unified_diff(
            committed.splitlines(), text.splitlines(), f"{path.name}, committed", f"{path.name}, generated", lineterm=""))
        assert committed == text, f"{difference}\n\nIf that is meant: charts/tests/run --update"

    return check


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    """A running S3 server."""
    with processes.seaweedfs(tmp_path_factory.mktemp("weed")) as server:
        yield server


@pytest.fixture
def start(binary, tmp_path):
    """Starts servers, and ends them after the test."""
    started = []

    def start_one(args, env, program=binary):
        server = processes.Server(program, args, env, tmp_path / f"server-{len(started)}.log")
        started.append(server)
        return server

    yield start_one
    for server in started:
        server.kill()
