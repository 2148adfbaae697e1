"""The Markdown of a run: the goals, the cases, and the curves."""

from cases import CASES
from curves import CURVES
from goals import GOALS
from samples import CPU, P50, P99, P999, RATE, RSS, Results
from servers import NAMES

# What a case tells besides, by the name of the figure.
OTHERS = {
    "highest_records_per_second": "highest rate {:,.0f} records/s",
    "poll_p50_ms": "polls p50 {:.2f} ms",
    "poll_p99_ms": "polls p99 {:.2f} ms",
    "segments": "{:,.0f} segments",
    "kib_per_follower": "{:.1f} KiB each",
    "idle_cpu_share": "{:.3f} of a core while idle",
}


def markdown(results: Results) -> str:
    """The whole page."""
    return "\n\n".join(part for part in ("# A run of the benchmark", machine(results), goals(results), cases(results), curves(results), failures(results)) if part) + "\n"


def machine(results: Results) -> str:
    told, settings = results.machine, results.settings
    versions = ", ".join(f"{NAMES[target]}: `{version}`" for target, version in told.get("versions", {}).items() if version)
    return (f"{told['date']}: {told['cpu']}, {told['cores']} cores, {told['memory_gib']} GiB of memory, Linux {told['kernel']}, {told['system']}, data on "
            f"{told['file_system']}; commit {told['commit']}. {settings['rounds']} rounds of {settings['seconds']:g} s, in turn; the load generator "
            f"shares the cores. {versions}.")


def goals(results: Results) -> str:
    """Each goal, and what came of it; none if no case was run."""
    if not results.samples:
        return ""
    names = {case.name: case.title for case in CASES}
    lines = ["## Goals", "", "| case | goal | value | |", "|---|---|---|---|"]
    for verdict in (goal.verdict(results) for goal in GOALS):
        goal = verdict.goal
        shown = "" if verdict.value is None else f"{number(verdict.value)} {goal.unit}".rstrip()
        mark = f"**{verdict}**" if verdict.reached is False else str(verdict)
        lines.append(f"| {names.get(goal.case, 'all')} | {goal.what} {goal.direction} {goal.bound:,g} {goal.unit}".rstrip() + f" | {shown} | {mark} |")
    return "\n".join(lines)


def cases(results: Results) -> str:
    """A table of all cases that were run."""
    if not results.samples:
        return ""
    lines = ["## Cases", "", "The medians of the rounds. A ratio is ours to the peer's, in the same round.", "",
             "| case | server | records/s | ratio | CPU, µs/record | ratio | p50, p99, p999 | RSS, MiB | |", "|---|---|---|---|---|---|---|---|---|"]
    notes = []
    for case in CASES:
        targets = results.targets(case.name)
        for target in targets:
            lines.append(row(results, case.name, case.title if target == targets[0] else "", target))
        if targets and case.about:
            notes.append(f"- {case.title}: {case.about}")
    return "\n".join([*lines, "", *notes]).rstrip()


def row(results: Results, case: str, title: str, target: str) -> str:
    def median(figure: str) -> float | None:
        return results.median(case, target, figure)

    def ratio(figure: str) -> str:
        found = None if target == "ours" else results.ratio(case, figure, "ours", target)
        return "" if found is None else f"{found:.3g}"

    times = [median(name) for name in (P50, P99, P999)]
    latency = "" if None in times else ", ".join(map(number, times)) + " ms"
    others = [text.format(found) for name, text in OTHERS.items() if (found := median(name)) is not None]
    if errors := results.errors(case, target):
        others.append(f"**{errors:,} errors**")
    if any(sample.failed for sample in results.of(case, target)):
        others.append("**failed**")
    cells = [title, NAMES[target], number(median(RATE)), ratio(RATE), number(median(CPU)), ratio(CPU), latency, number(median(RSS)), "; ".join(others)]
    return f"| {' | '.join(cells)} |"


def curves(results: Results) -> str:
    """A table for each curve."""
    parts = []
    for curve in CURVES:
        measured = [(size, target) for size in curve.sizes for target in curve.targets
                    if any(results.at(curve.name, size, target, figure) is not None for figure in curve.figures)]
        if measured:
            lines = [f"### By {curve.title}", "", f"| {curve.title} | server | {' | '.join(curve.figures.values())} |", "|---" * (2 + len(curve.figures)) + "|"]
            for size, target in measured:
                cells = [number(results.at(curve.name, size, target, figure)) for figure in curve.figures]
                lines.append(f"| {size:,} | {NAMES[target]} | {' | '.join(cells)} |")
            parts.append("\n".join(lines))
    return "\n\n".join(["## Curves", *parts]) if parts else ""


def failures(results: Results) -> str:
    found = results.failures()
    return "\n".join(["## Failed samples", "", *(f"- {' '.join(each.split())}" for each in found)]) if found else ""


def number(value: float | None) -> str:
    """Three digits that say something, and no exponent."""
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")
