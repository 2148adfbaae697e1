"""Runs cases: all servers of a case in turn, round after round, each sample in a fresh folder."""

import contextlib
import http.client
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from curves import Curve, points
from loads import LoadFailed
from peers import Programs
from progress import Progress
from samples import CPU, P50, P99, RATE, RSS, Point, Results, Sample
from sampling import Case, Measured, Sampling
from servers import SHORT_NAMES, Place

UNITS = {"KiB": 1 / 1024, "MiB": 1, "GiB": 1024}
FIXED_MIB = 16
PRODUCER_MIB, CURSOR_MIB, CONNECTION_MIB = 500 / (1 << 20), 1 / 1024, 28 / 1024


@contextlib.contextmanager
def place(programs: Programs, work: Path) -> Iterator[Place]:
    """A folder that is removed at the end, after the servers that have it."""
    with contextlib.ExitStack() as ends:
        folder = ends.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=work, ignore_cleanup_errors=True))
        yield Place(programs, Path(folder), ends)


def run(cases: list[Case], programs: Programs, targets: set[str], rounds: int, seconds: float, work: Path, results: Results):
    """Adds the samples of all cases to the results. A sample that fails says so, and the others go on."""
    wanted = [(case, number, target) for case in cases for number in range(1, rounds + 1) for target in case.targets if target in targets]
    progress = Progress(len(wanted), seconds)
    for case, number, target in wanted:
        found, failed = taken(case.sample, programs, target, seconds, work)
        results.samples.append(Sample(case.name, target, number, found.figures, found.errors, failed))
        progress.says(f"{case.title}, {SHORT_NAMES[target]}, round {number}", told(found, failed))


def run_curves(curves: list[Curve], programs: Programs, targets: set[str], seconds: float, minutes: float, work: Path, results: Results):
    """Adds the points of all curves to the results, until so many minutes are over; what is left then is skipped, and says so."""
    wanted = list(points(curves, targets))
    progress, end = Progress(len(wanted), 3 * seconds), time.monotonic() + minutes * 60
    for curve, size, target in wanted:
        if time.monotonic() > end:
            found, failed = Measured({}), f"skipped: the {minutes:g} minutes of --curve-minutes were over"
        else:
            found, failed = taken(lambda sampling: curve.sample(sampling, size), programs, target, seconds, work)
        results.points.append(Point(curve.name, size, target, found.figures, found.errors, failed))
        progress.says(f"{size:,} {curve.title}, {SHORT_NAMES[target]}", told(found, failed))


def taken(sample: Callable[[Sampling], Measured], programs: Programs, target: str, seconds: float, work: Path) -> tuple[Measured, str]:
    """What a sample found, and why it failed."""
    try:
        with place(programs, work) as here:
            return sample(Sampling(here, target, seconds)), ""
    except (LoadFailed, AssertionError, OSError, subprocess.SubprocessError, http.client.HTTPException) as error:
        return Measured({}), f"{type(error).__name__}: {error}"[:2000]


def told(found: Measured, failed: str) -> str:
    """A sample in a few words."""
    if failed:
        return f"FAILED: {failed.splitlines()[0][:300]}"
    units = {RATE: "records/s", CPU: "µs of CPU", P50: "ms p50", P99: "ms p99", RSS: "MiB"}
    words = [f"{number:,.5g} {units.get(name, name)}" if number < 1000 else f"{number:,.0f} {units.get(name, name)}"
             for name, number in found.figures.items() if name in units or RATE not in found.figures]
    return ", ".join(words) + (f", {found.errors} ERRORS" if found.errors else "")


def memory_sum_mib(program: Path) -> float:
    """The most memory that our server may have with its defaults: the sum in docs/operations.md."""
    said = subprocess.run([program, "config", "show", "--in-memory"], env={}, capture_output=True, text=True, check=True).stdout
    return sum_of(said)


def sum_of(said: str) -> float:
    """The sum, from what `config show` prints."""
    settings = {name: float(number) * UNITS.get(unit, 1) for name, number, unit in
                re.findall(r"^((?:memory|limits)\.\w+) = (\d+)(?: (\w+))?  \(", said, re.MULTILINE)}
    memory = {name.removeprefix("memory."): mib for name, mib in settings.items() if name.startswith("memory.")}
    return (sum(memory.values()) + 1.5 * memory["answers"] + memory["streams"] + settings["limits.append_queue_bytes"] + FIXED_MIB
            + settings["limits.producers"] * PRODUCER_MIB + settings["limits.cursors"] * CURSOR_MIB
            + settings["limits.connections"] * CONNECTION_MIB)
