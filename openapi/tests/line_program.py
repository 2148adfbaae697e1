"""Programs that read orders as JSON, one a line, and print what became of each as JSON, in a line of its own."""

import json
import os
import subprocess
import threading

# Whatever a program does, it says what became of an order by then.
PATIENCE_SECONDS = 300


class LineProgram:
    """Such a program that runs."""

    def __init__(self, command: list, env: dict[str, str] | None = None):
        self._process = subprocess.Popen(
            [str(part) for part in command], env=os.environ | (env or {}), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Closes what it reads and waits for it.
        with self._process:
            self._process.stdin.close()
            try:
                self._process.wait(timeout=30)
            finally:
                self._process.kill()

    def order(self, order):
        """Gives an order."""
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def became(self):
        """What became of the next order."""
        hangs = threading.Timer(PATIENCE_SECONDS, self._process.kill)
        hangs.start()
        line = self._process.stdout.readline()
        hangs.cancel()
        assert line, "the program ended, or did not answer in time"
        return json.loads(line)
