"""Appends to one partition at a steady pace, as a client that knows the partitions would: to the node that serves it, and to any other one if that is gone."""

import http.client
import json
import threading
import time
import uuid

APPEND = "/api/v1/log/append"
JSON = {"Content-Type": "application/json"}
# Longer than a node lets an append wait.
TIMEOUT_SECONDS = 40
PAUSE_SECONDS = 0.02


class Appender(threading.Thread):
    """Appends 0, 1, 2 and so on to a key. An append that fails is sent again until it is acknowledged, which its producer makes safe."""

    def __init__(self, key: str, url: str, urls: list[str], interval: float, offset: float):
        super().__init__(daemon=True)
        self.key, self.url, self.urls, self.interval, self.offset = key, url, urls, interval, offset
        # When the append of each number was acknowledged.
        self.acknowledged: list[float] = []
        self.latencies: list[float] = []
        self.failures = 0
        self.ended = threading.Event()
        self.producer = str(uuid.uuid4())
        self._connection: http.client.HTTPConnection | None = None

    def run(self):
        due = time.monotonic() + self.offset
        while not self.ended.wait(max(0.0, due - time.monotonic())):
            began = time.monotonic()
            if not self._until_acknowledged(len(self.acknowledged)):
                return
            now = time.monotonic()
            self.acknowledged.append(now)
            self.latencies.append(now - began)
            # What was late is not made up for.
            due = max(due + self.interval, now)

    def stop(self):
        """Waits for the last acknowledgement."""
        self.ended.set()
        self.join(TIMEOUT_SECONDS)

    def gaps(self, begin: float, end: float) -> list[float]:
        """Times between acknowledgements, of which the later one was in this time."""
        pairs = zip(self.acknowledged, self.acknowledged[1:])
        return [after - before for before, after in pairs if begin <= after <= end]

    def _until_acknowledged(self, number: int) -> bool:
        body = json.dumps({"records": [{"keyText": self.key, "valueText": str(number)}], "awaitDurable": True,
                           "producer": {"id": self.producer, "epoch": 0, "sequence": number}})
        while not self._acknowledged(body):
            self.failures += 1
            if self.ended.wait(PAUSE_SECONDS):
                return False
        return True

    def _acknowledged(self, body: str) -> bool:
        """Sends it once. A node that does not answer is not asked again before the others."""
        try:
            self._connection = self._connection or http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=TIMEOUT_SECONDS)
            self._connection.request("POST", APPEND, body, JSON)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self._go_to(self.urls[(self.urls.index(self.url) + 1) % len(self.urls)])
            return False
        if answer.status == 200:
            if moved := answer.getheader("log-moved"):
                self._go_to(moved)
            return True
        assert answer.status in (429, 503, 504), (answer.status, text[:500])
        return False

    def _go_to(self, url: str):
        if self._connection:
            self._connection.close()
        self._connection, self.url = None, url
