"""The real parts: the server and an S3 server, as processes of the test's own."""

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

START_SECONDS = 90
ACCESS_KEY, SECRET_KEY = "test", "test-secret"


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def request(url: str, headers: dict | None = None, data: bytes | None = None, method: str | None = None) -> tuple[int, str]:
    """The status and the body of the answer. Certificates are not looked at, as the kubelet does not."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    headers = ({"Content-Type": "application/json"} if data else {}) | (headers or {})
    asked = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=10, context=context) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def wait_until(what: str, holds, log: Path, process: subprocess.Popen):
    """Until `holds()` is true; fails with the process's log when it ends or does not come to it."""
    end = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError):
            if holds():
                return
        alive = process.poll() is None
        assert alive and time.monotonic() < end, f"{what}: not so after its time or its end\n{log.read_text()[-4000:]}"
        time.sleep(0.1)


class Server:
    """A process of the server, or of a program that runs it."""

    def __init__(self, program: str, args: list[str], env: dict[str, str], log: Path):
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [program, *args], env={"PATH": os.environ["PATH"], **env}, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True)

    def wait_until(self, what: str, holds):
        wait_until(what, holds, self.log, self.process)

    def wait_until_ready(self, url: str):
        self.wait_until(f"{url}/-/ready", lambda: request(f"{url}/-/ready")[0] == 200)

    def said(self) -> str:
        return self.log.read_text()

    def url(self) -> str | None:
        """Where it listens, once it says so."""
        found = re.search(r"listening on (https?://[0-9.]+:\d+)", self.said())
        return found and found[1]

    def stop(self) -> int:
        """SIGTERM, as Kubernetes sends it; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class S3:
    """A running SeaweedFS."""

    def __init__(self, port: int, pid: int):
        self.endpoint, self.pid = f"http://127.0.0.1:{port}", pid

    def make_bucket(self, name: str):
        status, body = request(f"{self.endpoint}/{name}", method="PUT")
        assert status == 200, body

    def takes_an_object(self) -> bool:
        """The ready check: an object needs the filer, the master and a volume with room."""
        bucket = f"{self.endpoint}/up-check"
        # The bucket is there already at a second look.
        return (request(bucket, method="PUT")[0] in (200, 409)
                and request(f"{bucket}/object", data=b"data", method="PUT")[0] == 200)

    def env(self) -> dict[str, str]:
        """What a client needs to reach it."""
        return {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}


@contextlib.contextmanager
def seaweedfs(folder: Path):
    """SeaweedFS with its data in `folder`."""
    weed = os.environ.get("LOG_TEST_WEED", "")
    assert os.access(weed, os.X_OK), "LOG_TEST_WEED names no executable: run the `run` beside these tests"
    names = ["s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
             "filer.port", "filer.port.grpc"]
    ports = free_ports(len(names))
    log = folder / "weed.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [weed, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-volume.max=200",
             # By default it takes no write while less than 1 % of the disk is free, and never says so to a client.
             "-volume.minFreeSpace=32MiB",
             "-master.telemetry=false", "-master.volumeSizeLimitMB=512", f"-filer.localSocket={folder}/filer.sock",
             f"-s3.localSocket={folder}/s3.sock", "-s3.port.iceberg=0", "-s3.port.lance=0",
             *(f"-{name}={port}" for name, port in zip(names, ports))],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    server = S3(ports[0], process.pid)
    try:
        wait_until("SeaweedFS takes an object", server.takes_an_object, log, process)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
