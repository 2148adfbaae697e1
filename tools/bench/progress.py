"""What is done and how long the rest takes, on stderr."""

import sys
import time

# A server's start and end, and filling it, before anything is known.
FIRST_GUESS_SECONDS = 3.0


class Progress:
    """Counts samples. The time of one is guessed from those before, apart from how long its load is."""

    def __init__(self, count: int, load_seconds: float):
        self.count, self.load_seconds = count, load_seconds
        self.done, self.began = 0, time.monotonic()

    def seconds_left(self) -> float:
        # The guess counts like two samples.
        spent = time.monotonic() - self.began
        each = (spent + 2 * (self.load_seconds + FIRST_GUESS_SECONDS)) / (self.done + 2)
        return each * (self.count - self.done)

    def says(self, what: str, found: str):
        """A sample is done."""
        self.done += 1
        left = self.seconds_left()
        shown = f"{left / 60:.0f} min" if left >= 90 else f"{left:.0f} s"
        print(f"[{self.done}/{self.count}, {shown} left] {what}: {found}", file=sys.stderr, flush=True)
