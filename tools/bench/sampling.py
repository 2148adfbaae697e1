"""One sample: a server with a fresh folder, a load, and what both say afterwards."""

import dataclasses
from collections.abc import Callable

import loads
import samples
from loads import Load
from servers import Place

# Records that redis-benchmark sends or reads first, to see how many requests last as long as was asked for, and the fewest requests.
REDIS_FIRST, REDIS_LEAST = 20_000, 100


@dataclasses.dataclass(frozen=True)
class Measured:
    """The figures of a sample, and how many requests of it failed."""

    figures: dict[str, float]
    errors: int = 0


@dataclasses.dataclass(frozen=True)
class Sampling:
    """Where a sample is taken, of which server, and for how long."""

    place: Place
    target: str
    seconds: float

    def start(self, env: dict[str, str] | None = None):
        return self.place.start(self.target, env)

    def measure(self, server, load: Callable[[], Load]) -> Measured:
        """Runs a load, and reads the CPU of the server before and after."""
        before = server.cpu_seconds()
        done = load()
        used = server.cpu_seconds() - before
        return Measured(samples.figures(done, used, server), done.errors)

    def log_load(self, server, arguments: list) -> Load:
        return loads.log_load(str(self.place.programs.load), server.address, self.seconds, arguments)[""]

    def redis(self, server, connections: int, pipelined: int, records: int, command: list[str]) -> Measured:
        """A command of Redis for about as long as was asked for."""
        few = max(REDIS_LEAST, REDIS_FIRST // records)
        first = loads.redis(server.port, connections, pipelined, few, records, command)
        requests = max(few, round(first.requests / first.seconds * self.seconds))
        return self.measure(server, lambda: loads.redis(server.port, connections, pipelined, requests, records, command))


@dataclasses.dataclass(frozen=True)
class Case:
    """A load, and the servers that it is for. `about` says what a reader of the table has to know."""

    name: str
    title: str
    targets: tuple[str, ...]
    sample: Callable[[Sampling], Measured]
    about: str = ""
    # Programs that the load needs besides the servers.
    needs: frozenset[str] = frozenset({"wrk"})
