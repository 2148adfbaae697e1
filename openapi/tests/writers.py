"""Programs that append what they are told to, one for each client that has a layer by hand: see `clients/python/writers.py`."""

import json
import os
import subprocess

# How often and how long they try, unless a test says otherwise.
RETRIES = {"attempts": 5, "pause": 0.02, "patience": 60}


class Writers:
    """Such a program that runs; it has as many clients as it is told of."""

    def __init__(self, command: list):
        self._process = subprocess.Popen(
            [str(part) for part in command], env=os.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self._process:
            self._process.stdin.close()
            try:
                self._process.wait(timeout=30)
            finally:
                self._process.kill()

    def together(self, appends: list[dict]) -> list[dict]:
        """What became of appends that began in this order and ran beside one another."""
        self._process.stdin.write(json.dumps(appends) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def append(self, url: str, *values: str, **order) -> dict:
        """What became of one append."""
        [outcome] = self.together([append(url, *values, **order)])
        return outcome


def append(url: str, *values: str, client: str = "first", key: str = "orders", settings: dict | None = None, **order) -> dict:
    """The order of an append."""
    return {"client": client, "settings": {"url": url, **RETRIES, **(settings or {})}, "key": key, "values": values, **order}
