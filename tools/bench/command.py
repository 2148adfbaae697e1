"""What the command does once it has its packages: gets the programs, runs what was asked for, and writes the results."""

import os
import re
import resource
import shutil
import signal
import sys
from pathlib import Path

import machine
import peers
import plots
import runs
import table
from cases import CASES
from curves import CURVES
from goals import GOALS
from peers import Missing, Programs
from samples import Results
from servers import NAMES, OURS

# Connections that the largest load has, at both ends, and room for files.
DESCRIPTORS = 12_000


def main(given) -> int:
    if given.list:
        listing()
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if given.redraw:
        write(Results.read(given.redraw), given.out)
        return 0
    cases = [case for case in CASES if given.cases and re.search(given.cases, case.name)]
    curves = [curve for curve in CURVES if given.curves and re.search(given.curves, curve.name)]
    if not cases and not curves:
        sys.exit("bench: no case and no curve has such a name; --list prints all")
    targets = {*OURS, *filter(None, given.peers.split(","))}
    targets &= {target for each in (*cases, *curves) for target in each.targets}
    enough_descriptors()
    try:
        programs = found(given, targets, set().union({"wrk"} if curves else set(), *(case.needs for case in cases)))
    except Missing as missing:
        sys.exit(f"bench: {missing}")
    given.work.mkdir(parents=True, exist_ok=True)
    versions = {target: programs.version(target) for target in NAMES if target in targets}
    results = Results(machine.described(given.work) | {"versions": versions}, {
        "seconds": given.seconds, "rounds": given.rounds, "cases": given.cases, "curves": given.curves, "peers": given.peers,
        "memory_sum_mib": round(runs.memory_sum_mib(programs.ours), 1)})
    given.out.mkdir(parents=True, exist_ok=True)
    try:
        runs.run(cases, programs, targets, given.rounds, given.seconds, given.work, results)
        runs.run_curves(curves, programs, targets, given.seconds, given.curve_minutes, given.work, results)
    finally:
        # What was measured stays when the run is stopped.
        write(results, given.out)
    for failure in results.failures():
        print(f"bench: failed: {failure}", file=sys.stderr)
    errors = sum(each.errors for each in (*results.samples, *results.points) if each.target in OURS)
    if errors:
        print(f"bench: our server did not answer {errors:,} requests as it should", file=sys.stderr)
    return 1 if errors or results.failures() else 0


def found(given, targets: set[str], needs: set[str]) -> Programs:
    """Every program that is needed. Those of the system come first: they are had or missed at once."""
    packages = needs & {"wrk"} | ({"redis-server", "redis-benchmark"} if "redis" in targets else set())
    peers.system_packages(packages)
    weed = given.weed or Path(sys.executable).with_name("weed")
    if "weed" in needs and not os.access(weed, os.X_OK):
        raise Missing(f"{weed} is no executable: name SeaweedFS's with --weed")
    wanted = {"opendata-log"} | (needs & {"log-load"}) | (targets & {"bare"})
    ours = peers.ours(given.binaries, wanted)
    return Programs(
        ours=ours["opendata-log"].resolve(), load=ours["log-load"].resolve(), bare=ours["bare"].resolve(), weed=weed,
        opendata=peers.opendata() if "opendata" in targets else Path(), s2=peers.s2() if "s2" in targets else Path(),
        redis=Path(shutil.which("redis-server") or "redis-server"))


def enough_descriptors():
    """As many open files as the connections need, for this process and those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
        peers.say(f"at most {hard} open files are allowed here; loads of more connections will fail")
    limit = hard if hard != resource.RLIM_INFINITY else DESCRIPTORS
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(limit, DESCRIPTORS)), hard))


def write(results: Results, folder: Path):
    """The raw numbers, the table and the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    results.write(folder / "raw.json")
    text = table.markdown(results)
    (folder / "table.md").write_text(text)
    plots.draw(results, folder)
    print(text)
    peers.say(f"the results are in {folder}")


def listing():
    for case in CASES:
        print(f"{case.name:30} {case.title} ({', '.join(case.targets)})")
    for curve in CURVES:
        print(f"--curves {curve.name:21} {curve.title}: {', '.join(f'{size:,}' for size in curve.sizes)}")
    print(f"{len(CASES)} cases, {len(CURVES)} curves, {len(GOALS)} goals")
