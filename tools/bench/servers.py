"""The servers of a run, each started on a free port with a fresh folder, and how to speak to them."""

import contextlib
import json
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "measure"))

import measured_server  # noqa: E402
import processes  # noqa: E402
from peers import Programs  # noqa: E402

# What each is called in tables.
NAMES = {
    "ours": "Log",
    "unsynced": "Log, `storage.sync: false`",
    "opendata": "OpenData Log",
    "s2": "s2-lite",
    "redis": "Redis",
    "bare": "bare hyper",
}
# Those that are our server.
OURS = {"ours", "unsynced"}
SHORT_NAMES = NAMES | {"unsynced": "Log, not synced"}
BASIN, STREAM = "bench-basin", "bench"


class Server(measured_server.MeasuredProcess):
    """Any server that listens on a port that it is given."""

    def __init__(self, command: list, env: dict[str, str], log: Path, port: int, is_ready):
        program, *args = map(str, command)
        super().__init__(program, args, env, log)
        self.port, self.address = port, f"http://127.0.0.1:{port}"
        try:
            self.wait_until(f"{program} is ready", is_ready)
        except BaseException:
            self.kill()
            raise


class Place(measured_server.Stage):
    """A folder for one sample, and the servers that end with it."""

    def __init__(self, programs: Programs, folder: Path, ends: contextlib.ExitStack):
        super().__init__(str(programs.ours), folder, ends)
        self.programs = programs

    def start(self, target: str, env: dict[str, str] | None = None):
        """A server that is ready, with its defaults and an empty folder."""
        data, env = self.folder / f"data-{target}", env or {}
        if target == "ours":
            return self.server("--data-dir", str(data), env=env)
        if target == "unsynced":
            return self.server("--data-dir", str(data), env=env | {"LOG_STORAGE__SYNC": "false"})
        port, = processes.free_ports(1)
        data.mkdir()
        if target == "opendata":
            command = [self.programs.opendata, "--port", port, "--data-dir", data]
            return self._of_peer(target, command, port, lambda: answers(port, "/-/ready"))
        if target == "bare":
            return self._of_peer(target, [self.programs.bare, "--port", port], port, lambda: answers(port, "/"))
        if target == "s2":
            wanted = self.folder / "s2.json"
            wanted.write_text(json.dumps({"basins": [{"name": BASIN, "streams": [{"name": STREAM}]}]}))
            command = [self.programs.s2, "lite", "--port", port, "--local-root", data, "--no-dashboard", "--init-file", wanted]
            # It would write a line for each request to its log.
            return self._of_peer(target, command, port, lambda: answers(port, "/health"), {"RUST_LOG": "warn"})
        command = [self.programs.redis, "--port", port, "--bind", "127.0.0.1", "--dir", data, "--save", "", "--appendonly", "yes",
                   "--appendfsync", "everysec"]
        return self._of_peer(target, command, port, lambda: pongs(port))

    def _of_peer(self, target: str, command: list, port: int, is_ready, env: dict[str, str] | None = None) -> Server:
        self.started += 1
        server = Server(command, env or {}, self.folder / f"{target}-{self.started}.log", port, is_ready)
        self.ends.callback(server.kill)
        return server


def answers(port: int, path: str) -> bool:
    return processes.request(f"http://127.0.0.1:{port}{path}")[0] == 200


def pongs(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(100) == b"+PONG\r\n"
