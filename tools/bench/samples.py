"""What a run found: one sample for each case, server and round, kept as JSON."""

import dataclasses
import json
import statistics
from pathlib import Path

from loads import Load

# What is told of a sample, and how it reads.
RATE, CPU, P50, P99, P999, RSS = "records_per_second", "cpu_micros_per_record", "p50_ms", "p99_ms", "p999_ms", "rss_mib"


@dataclasses.dataclass(frozen=True)
class Sample:
    """One measurement of one server. `figures` has those above, and others that only this case has; `failed` says why it has none."""

    case: str
    target: str
    round: int
    figures: dict[str, float]
    errors: int = 0
    failed: str = ""


@dataclasses.dataclass(frozen=True)
class Point:
    """One size of a curve, for one server."""

    curve: str
    size: int
    target: str
    figures: dict[str, float]
    errors: int = 0
    failed: str = ""


@dataclasses.dataclass
class Results:
    """All of a run: the raw numbers."""

    machine: dict
    settings: dict
    samples: list[Sample] = dataclasses.field(default_factory=list)
    points: list[Point] = dataclasses.field(default_factory=list)

    def targets(self, case: str) -> list[str]:
        """The servers that have samples of a case, in the order in which they came."""
        return list(dict.fromkeys(sample.target for sample in self.samples if sample.case == case))

    def of(self, case: str, target: str) -> list[Sample]:
        return [sample for sample in self.samples if (sample.case, sample.target) == (case, target)]

    def median(self, case: str, target: str, figure: str) -> float | None:
        """The median of a figure over the rounds; None if no round has it."""
        found = [sample.figures[figure] for sample in self.of(case, target) if figure in sample.figures]
        return statistics.median(found) if found else None

    def ratio(self, case: str, figure: str, target: str, to: str) -> float | None:
        """The median over the rounds of a figure of one server, divided by that of another in the same round."""
        ours, theirs = ({sample.round: sample.figures.get(figure) for sample in self.of(case, name)} for name in (target, to))
        found = [ours[number] / theirs[number] for number in ours if ours[number] is not None and theirs.get(number)]
        return statistics.median(found) if found else None

    def errors(self, case: str, target: str) -> int:
        return sum(sample.errors for sample in self.of(case, target))

    def at(self, curve: str, size: int, target: str, figure: str) -> float | None:
        """A figure of a point of a curve; None if it was not measured."""
        found = [point.figures.get(figure) for point in self.points if (point.curve, point.size, point.target) == (curve, size, target)]
        return found[0] if found else None

    def failures(self) -> list[str]:
        return [*(f"{sample.case}, {sample.target}, round {sample.round}: {sample.failed}" for sample in self.samples if sample.failed),
                *(f"{point.curve} {point.size}, {point.target}: {point.failed}" for point in self.points if point.failed)]

    def write(self, path: Path):
        text = json.dumps(dataclasses.asdict(self), ensure_ascii=False, indent=1)
        path.write_text(text + "\n")

    @classmethod
    def read(cls, path: Path) -> "Results":
        told = json.loads(path.read_text())
        return cls(told["machine"], told["settings"], [Sample(**sample) for sample in told["samples"]],
                   [Point(**point) for point in told["points"]])


def figures(load: Load, cpu_seconds: float, server) -> dict[str, float]:
    """The figures of a load that took so much CPU of a server."""
    return rounded({
        RATE: load.rate, CPU: cpu_seconds / load.records * 1e6 if load.records else 0.0, P50: load.p50, P99: load.p99, P999: load.p999,
        RSS: server.resident_kib() / 1024, "peak_mib": server.peak_mib(), "requests_per_second": load.requests / load.seconds,
    })


def rounded(told: dict[str, float]) -> dict[str, float]:
    """To five digits: more would be noise."""
    return {name: float(f"{number:.5g}") for name, number in told.items()}
