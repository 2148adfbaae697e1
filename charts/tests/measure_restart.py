"""Measures how long a restart takes; charts/tests/measure-restart runs it.

The server is on a real S3 server of this machine and is ended with SIGKILL. Its settings keep everything in the WAL, so that all of
it is replayed; with `--defaults` it keeps its own."""

import argparse
import base64
import json
import os
import re
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import processes

REQUEST_BYTES = 1_000_000
KEYS = 1000
ALL_IN_THE_WAL = {"LOG_MEMORY__UNFLUSHED": "8GiB", "LOG_SLATEDB__L0_SST_SIZE_BYTES": str(4 << 30),
                  "LOG_SLATEDB__MAX_WAL_FLUSHES_BEFORE_L0_FLUSH": "1000000"}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("megabytes", type=int, nargs="+")
    arguments.add_argument("--record-bytes", type=int, default=1000)
    arguments.add_argument("--defaults", action="store_true")
    given = arguments.parse_args()
    print("records MB  WAL MB  WAL objects  seconds until ready")
    for megabytes in given.megabytes:
        with tempfile.TemporaryDirectory() as folder, processes.seaweedfs(Path(folder)) as s3:
            s3.make_bucket("restart")
            env = s3.env() | {"LOG_STORAGE__S3__BUCKET": "restart", "LOG_TIMEOUTS__OPEN": "10m"}
            env |= {} if given.defaults else ALL_IN_THE_WAL
            flushed, objects = fill(env, megabytes, given.record_bytes, Path(folder))
            print(f"{megabytes:10}  {flushed / 1e6:6.0f}  {objects:11.0f}  {start(env, Path(folder)):19.2f}", flush=True)


def fill(env: dict, megabytes: int, record_bytes: int, folder: Path) -> tuple[float, float]:
    """Appends so much, durably, and kills the server; the bytes and the objects of the WAL."""
    server, url, _ = running(env, folder)
    value = base64.b64encode(os.urandom(record_bytes)).decode()

    batch = range(REQUEST_BYTES // record_bytes)

    def append(number: int):
        keys = [base64.b64encode(b"key-%d" % ((number * len(batch) + i) % KEYS)).decode() for i in batch]
        body = json.dumps({"records": [{"key": key, "value": value} for key in keys], "awaitDurable": True})
        status, answer = processes.request(f"{url}/api/v1/log/append", data=body.encode())
        assert status == 200, answer

    with ThreadPoolExecutor(4) as clients:
        list(clients.map(append, range(megabytes * 1_000_000 // REQUEST_BYTES)))
    _, metrics = processes.request(f"{url}/metrics")
    server.kill()
    figures = [re.search(rf"^{name} (\S+)", metrics, re.MULTILINE)[1]
               for name in ("slatedb_wal_wal_flush_bytes_total", "slatedb_wal_wal_buffer_flushes_total")]
    return float(figures[0]), float(figures[1])


def start(env: dict, folder: Path) -> float:
    server, _, seconds = running(env, folder)
    server.kill()
    return seconds


def running(env: dict, folder: Path) -> tuple[processes.Server, str, float]:
    port, = processes.free_ports(1)
    url = f"http://127.0.0.1:{port}"
    began = time.monotonic()
    server = processes.Server(os.environ["LOG_TEST_BINARY"], ["--port", str(port)], env, folder / "server.log")
    server.wait_until_ready(url)
    return server, url, time.monotonic() - began


if __name__ == "__main__":
    main()
