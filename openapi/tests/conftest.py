"""What these tests share: the tools, servers with their data in memory, and tokens."""

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from processes import free_ports

from hard_times import paused_store

pytest.register_assert_rewrite("outcomes", "program")

ROOT = Path(__file__).resolve().parents[2]
OPENAPI = ROOT / "openapi"
VENV = ROOT / ".tools/venv/bin"
NODE_MODULES = ROOT / ".tools/node/node_modules"


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


@pytest.fixture(scope="session")
def generated(run, tmp_path_factory):
    """A folder with the generated parts of all clients, made of the committed document."""
    folder = tmp_path_factory.mktemp("generated")
    run(OPENAPI / "clients/generate", folder)
    return folder


@pytest.fixture(scope="session")
def built(run, tmp_path_factory):
    """The package for TypeScript, built by its own configuration."""
    package = tmp_path_factory.mktemp("typescript")
    ignored = shutil.ignore_patterns("node_modules", "dist")
    shutil.copytree(OPENAPI / "clients/typescript", package, dirs_exist_ok=True, ignore=ignored)
    (package / "node_modules").symlink_to(NODE_MODULES)
    run("node", NODE_MODULES / ".bin/tsc", cwd=package)
    return package


@pytest.fixture
def serve(start):
    """Starts servers with their data in memory, which are ready; where they are."""

    def serve_one(port=0, **settings):
        server = start(["--in-memory", "--port", str(port)], settings)
        server.wait_until("it says where it listens", server.url)
        server.wait_until_ready(server.url())
        return server.url()

    return serve_one


@pytest.fixture
def later():
    """Does something after some seconds, beside the test."""
    timers = []

    def do_later(seconds, doing):
        timers.append(threading.Timer(seconds, doing))
        timers[-1].start()

    yield do_later
    for timer in timers:
        timer.join()


class Restarted:
    """A server with its data in a folder, which can be restarted where it is."""

    def __init__(self, start, later, folder, **settings):
        self._start, self._later, self._settings = start, later, settings
        self._arguments = ["--data-dir", str(folder), "--port", str(free_ports(1)[0])]
        self._server = self._started()
        self.url = self._server.url()

    def restart_after(self, seconds, then=lambda: None):
        """Stops it at once, starts it after some seconds, and does `then` when it is ready."""
        self._server.stop()

        def back():
            self._server = self._started()
            then()

        self._later(seconds, back)

    def stop(self):
        """Stops it as an operator does."""
        assert self._server.stop() == 0

    def restart(self):
        """Stops it as an operator does, and starts it."""
        self.stop()
        self._server = self._started()

    def kill(self):
        """Kills it, and starts it."""
        self._server.kill()
        self._server = self._started()

    def _started(self):
        server = self._start(self._arguments, self._settings)
        server.wait_until("it says where it listens", server.url)
        server.wait_until_ready(server.url())
        return server


@pytest.fixture
def restarted(start, later, tmp_path):
    """A server that can be restarted."""
    return Restarted(start, later, tmp_path / "data")


@pytest.fixture
def replicated(start, later, tmp_path):
    """Where a server is that writes a log in a folder, and where one is that only reads it."""
    folder = tmp_path / "replicated"
    writer = Restarted(start, later, folder)
    replica = start(["--read-only", "--data-dir", str(folder), "--port", "0"], {})
    replica.wait_until("it says where it listens", replica.url)
    replica.wait_until_ready(replica.url())
    return writer.url, replica.url()


@pytest.fixture
def seldom_durable(start, later, tmp_path):
    """A server that can be restarted, and loses in a crash what nobody waited for."""
    return Restarted(start, later, tmp_path / "seldom-durable", LOG_DURABILITY__FLUSH_INTERVAL="1m")


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """A store that can be paused."""
    with paused_store(tmp_path_factory.mktemp("weed")) as store:
        yield store


@pytest.fixture
def outcomes(start, serve, restarted, store, tokens, tmp_path):
    """The servers that every client must be right about; see outcomes.py."""
    from outcomes import Outcomes

    return Outcomes(start, serve, restarted, store, tokens, tmp_path)


@pytest.fixture(params=["rust", "python", "asyncio", "typescript"])
def many(request, run):
    """The clients of one kind, which make streams of appends; see append_programs.py."""
    from append_programs import Program, command

    program = command(request, run)
    with Program(program) as running:
        running.program = program
        # The blocking client of Python needs about 0.1 ms for each.
        running.appends = 10_000 if request.param == "python" else 50_000
        yield running


@pytest.fixture
def tokens(tmp_path):
    """A token file, for LOG_AUTH__TOKENS: `reader-token-of-the-tests` may read, `admin-token-of-the-tests` everything."""
    path = tmp_path / "tokens"
    path.write_text("reader read reader-token-of-the-tests\nadmin admin admin-token-of-the-tests\n")
    path.chmod(0o600)
    return str(path)
