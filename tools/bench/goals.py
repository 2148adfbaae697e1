"""The goals, and whether a run reached them."""

from collections.abc import Callable
from dataclasses import dataclass

from samples import CPU, P99, RATE, RSS, Results
from servers import OURS

AT_LEAST, AT_MOST = "≥", "≤"


@dataclass(frozen=True)
class Goal:
    """A bound of a figure. `value` finds it in the results; None means that it was not measured."""

    what: str
    case: str
    direction: str
    bound: float
    value: Callable[[Results], float | None]
    unit: str = ""

    def verdict(self, results: Results) -> "Verdict":
        value = self.value(results)
        if value is None:
            return Verdict(self, None, None)
        return Verdict(self, value, value >= self.bound if self.direction == AT_LEAST else value <= self.bound)


@dataclass(frozen=True)
class Verdict:
    """A goal after a run; `reached` is None if the run did not measure it."""

    goal: Goal
    value: float | None
    reached: bool | None

    def __str__(self) -> str:
        return {True: "reached", False: "missed", None: "not measured"}[self.reached]


def figure(case: str, what: str, name: str, direction: str, bound: float, unit: str, target: str = "ours") -> Goal:
    """A bound of one of our figures."""
    return Goal(what, case, direction, bound, lambda results: results.median(case, target, name), unit)


def times(case: str, what: str, name: str, direction: str, bound: float, to: str, target: str = "ours") -> Goal:
    """A bound of the ratio to another server, in the same rounds."""
    return Goal(what, case, direction, bound, lambda results: results.ratio(case, name, target, to), "×")


def rates(case: str, bound: float, to: str = "opendata", target: str = "ours") -> Goal:
    name = {"opendata": "OpenData Log", "redis": "Redis"}[to]
    return times(case, f"records/s, to {name}", RATE, AT_LEAST, bound, to, target)


def cpu_of_peer(case: str, bound: float) -> Goal:
    return times(case, "CPU for each record, to OpenData Log", CPU, AT_MOST, bound, "opendata")


def cpu(case: str, bound: float) -> Goal:
    return figure(case, "CPU for each record", CPU, AT_MOST, bound, "µs")


def p99(case: str, bound: float) -> Goal:
    return figure(case, "p99", P99, AT_MOST, bound, "ms")


def most_memory(results: Results) -> float | None:
    """The largest ratio of our memory to the peer's, of all cases that both have."""
    ratios = [results.ratio(case, RSS, "ours", "opendata") for case in dict.fromkeys(sample.case for sample in results.samples)]
    return max((ratio for ratio in ratios if ratio is not None), default=None)


def memory_of_settings(results: Results) -> float | None:
    """The largest share of what the settings allow that we had in any sample, at any time of it."""
    peaks = [sample.figures.get("peak_mib", 0.0) for sample in results.samples if sample.target in OURS]
    allowed = results.settings.get("memory_sum_mib")
    return max(peaks) / allowed if peaks and allowed else None


def flatness(results: Results) -> float | None:
    """Counts a second in a log of many segments, to those in one."""
    one, many = (results.median(case, "ours", RATE) for case in ("count-c8", "count-segments-c8"))
    return many / one if one and many else None


GOALS = [
    times("append-1-c32", "CPU for each record, to the bare handler", CPU, AT_MOST, 1.3, "bare"),
    rates("append-1-c32", 1.2),
    figure("session-c8", "records/s", RATE, AT_LEAST, 600_000, "/s"),
    cpu("session-c8", 1.5),
    rates("session-c8", 5, "redis"),
    cpu("append-100-c8", 0.45),
    rates("append-100-c8", 3),
    rates("append-100-c8", 2, "redis"),
    p99("append-100-c8-at-80", 15),
    cpu("append-1000-100keys-c8", 0.5),
    rates("append-1000-100keys-c8", 3),
    p99("append-1000-100keys-c8-at-80", 25),
    rates("append-100-durable-c64", 3),
    cpu_of_peer("append-100-durable-c64", 0.2),
    rates("append-1-durable-c64", 1.5),
    cpu_of_peer("append-1-durable-c64", 0.6),
    rates("append-100-json-c8", 3),
    cpu_of_peer("append-100-json-c8", 0.3),
    rates("scan-1000-json-c8", 6),
    cpu_of_peer("scan-1000-json-c8", 0.14),
    p99("s3-append-100-c8-at-80", 100),
    rates("append-1-durable-c1", 1.2, target="unsynced"),
    cpu("scan-1000-c8", 0.09),
    cpu_of_peer("scan-1000-c8", 0.09),
    rates("scan-1000-c8", 2.5, "redis"),
    rates("count-c8", 300),
    Goal("counts/s in 1,000 segments, to one segment", "count-segments-c8", AT_LEAST, 0.8, flatness, "×"),
    figure("followers", "memory of an idle follower", "kib_per_follower", AT_MOST, 16, "KiB"),
    Goal("memory in every case, to OpenData Log", "", AT_MOST, 1, most_memory, "×"),
    Goal("peak memory in every case, to the sum of the settings", "", AT_MOST, 1, memory_of_settings, "×"),
]
