"""What all tests in Python share: `--update`, and servers of their own. A test that is skipped fails the run."""

import os

import pytest

import processes


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
def binary():
    """The server's executable."""
    path = os.environ.get("LOG_TEST_BINARY", "")
    assert os.access(path, os.X_OK), "LOG_TEST_BINARY names no executable: run the `run` beside these tests"
    return path


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
