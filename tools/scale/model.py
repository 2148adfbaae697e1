"""`model`: nodes, partitions, PUTs and dollars of a cluster, from what an append, a record, a flush and an idle partition cost on the measured machine."""

import argparse
import dataclasses
import json
import math
import statistics
from pathlib import Path

import drawing
import measured_server

ABOUT = """What a cluster needs for 1,000 to 1,000,000 durable records of 100 B a second, sent alone or in tens, and what the requests cost on S3.

CPU of a second = idle partitions + appends x A + further records x R + flushes x F, as fitted to what `tools/scale/scale measure` found. A partition flushes when
something waits, the last flush is written, and --flush-spacing-ms is over, and in between every durability.flush_interval. So it has turns to flush, and uses those in which an append
came: at n turns and x appends in a second, n (1 - e^(-x/n)). Each flush is a PUT. The model is checked against every measured sample of limited nodes: PUTs and CPU of as many
appends. If one is off by more than --tolerance, the exit code is 1.

Not in it: storage, traffic, compactions (some PUTs for each 64 MiB), requests of readers. CPU is that of the measured machine. Nodes are used up to --utilization, and the one with most
partitions has 1.25 times the average.
"""
MONTH_SECONDS = 365 * 86_400 / 12
# `durability.flush_interval` of what was measured.
MEASURED_INTERVAL_MS = 1000
HEARTBEAT_SECONDS = 3
# 0.15 s times 64 partitions.
POLL_OF_64 = 9.6
# The garbage collector of a partition lists manifests, compactions and WAL files twice, and compacted files once.
COLLECTOR_LISTS, COLLECTOR_SECONDS = 7, 600
LAWSON_ROUNDS, LEAST_WEIGHT, NOTHING = 50, 1e-3, 1e-12
# What the placement gives a node at most, to the average.
MOST_TO_AVERAGE = 1.25
RATES = (1_000, 10_000, 100_000, 1_000_000)
# Partitions for each node, at least: with fewer, one more or less on a node is much.
PARTITIONS_OF_A_NODE = 8
FEWEST_PARTITIONS = 64
# Of what one partition took while nothing else was asked of its node.
PARTITION_UTILIZATION = 0.5


@dataclasses.dataclass(frozen=True)
class Costs:
    """Seconds of CPU: of each, or in a second of each idle partition."""

    append: float
    record: float
    flush: float
    idle_partition: float


@dataclasses.dataclass(frozen=True)
class Plan:
    """A cluster for a load."""

    records: int
    batch: int
    partitions: int
    nodes: int
    cores: float
    puts: float
    dollars: float


def add_arguments(commands, docs: Path):
    parser = commands.add_parser("model", description=ABOUT, formatter_class=measured_server.Help, help="nodes, partitions, PUTs and dollars of larger clusters")
    parser.add_argument("--measured", type=Path, default=docs / "scale.json", metavar="FILE", help="what `measure` found")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw what was measured and what it costs, as SVG")
    parser.add_argument("--put-ms", type=float, default=30, metavar="MS", help="how long a PUT takes")
    parser.add_argument("--flush-spacing-ms", type=float, metavar="MS", action="append", help="durability.flush_spacing; may be repeated; 0, 100 and 1000 if not given")
    parser.add_argument("--interval-to-spacing", type=float, default=10, metavar="N", help="durability.flush_interval, if there is a spacing, in spacings")
    parser.add_argument("--idle-reads", type=float, default=49, metavar="N", help="reads in a minute of each of 64 idle partitions: what "
                        "app/tests/process/cluster/idle.rs counts")
    parser.add_argument("--cores", type=float, default=4, metavar="N", help="cores of a node")
    parser.add_argument("--utilization", type=float, default=0.6, metavar="PART", help="how much of its CPU the busiest node uses")
    parser.add_argument("--dear", type=float, default=5, metavar="DOLLARS", help="price of a million PUTs, POSTs or LISTs")
    parser.add_argument("--cheap", type=float, default=0.4, metavar="DOLLARS", help="price of a million GETs or HEADs")
    parser.add_argument("--tolerance", type=float, default=0.2, metavar="PART", help="how much the model may be off at what was measured")


def run(given: argparse.Namespace) -> int:
    measured = json.loads(given.measured.read_text())
    costs = fitted(measured)
    print(f"CPU: {costs.append * 1e6:.0f} µs for an append, {costs.record * 1e6:.1f} µs for each further record, {costs.flush * 1e6:.0f} µs for a flush, "
          f"{costs.idle_partition * 1e6:.0f} µs in a second for a partition\n")
    off = check(measured, costs)
    for batch in (1, 10):
        for spacing in given.flush_spacing_ms or (0, 100, 1000):
            table(given, measured, costs, batch, spacing)
    idle_table(given)
    if given.plot:
        plans = {(batch, spacing): [plan(given, measured, costs, rate, batch, spacing) for rate in RATES] for batch in (1, 10) for spacing in (0, 100, 1000)}
        given.plot.write_text(drawing.picture(measured, plans))
    if off > given.tolerance:
        print(f"\nthe model is off by {off:.0%} at what was measured: more than {given.tolerance:.0%}")
    return int(off > given.tolerance)


def limited(measured: dict) -> list[dict]:
    """Samples of nodes that had a share of a core each: of each case and number of nodes one, with the medians of its rounds."""
    rounds: dict[tuple[str, int], list[dict]] = {}
    for point in measured["points"]:
        if "share" in point:
            rounds.setdefault((point["case"], point["nodes"]), []).append(point)
    return [points[0] | {name: statistics.median(point[name] for point in points) for name in ("appends_per_second", "node_cores")}
            | {"puts_per_second": statistics.median(point["requests_per_second"]["put"] for point in points)} for points in rounds.values()]


def fitted(measured: dict) -> Costs:
    """What appends, records and flushes cost, so that the largest relative error of the CPU that was used is as small as can be."""
    idle = measured["idle"]["cores"] / measured["idle"]["partitions"]
    rows, rest = [], []
    for point in limited(measured):
        rate, used = point["appends_per_second"], point["node_cores"]
        weights = (rate, rate * (point["records"] - 1), point["puts_per_second"])
        rows.append([weight / used for weight in weights])
        rest.append(1 - idle * point["partitions"] / used)
    append, record, flush = least_maximum(rows, rest)
    return Costs(append, record, flush, idle)


def least_maximum(rows: list[list[float]], wanted: list[float]) -> list[float]:
    """As `least_squares`, where the largest error counts: rows have the more weight the more they are off (Lawson's algorithm)."""
    weights = [1 / len(rows)] * len(rows)
    for _ in range(LAWSON_ROUNDS):
        roots = [math.sqrt(weight) for weight in weights]
        found = least_squares([[root * part for part in row] for root, row in zip(roots, rows)], [root * to for root, to in zip(roots, wanted)])
        off = [abs(sum(part * cost for part, cost in zip(row, found)) - to) for row, to in zip(rows, wanted)]
        total = sum(weight * each for weight, each in zip(weights, off))
        if total < NOTHING:
            break
        weights = [max(weight * each / total, LEAST_WEIGHT) for weight, each in zip(weights, off)]
    return found


def least_squares(rows: list[list[float]], wanted: list[float]) -> list[float]:
    """Numbers, none of them negative, whose products with the rows are nearest to what is wanted. A column that would be negative has no part in it."""
    columns = list(range(len(rows[0])))
    while True:
        square = [[sum(row[a] * row[b] for row in rows) for b in columns] + [sum(row[a] * to for row, to in zip(rows, wanted))] for a in columns]
        found = solved(square)
        if min(found) >= 0:
            return [found[columns.index(column)] if column in columns else 0.0 for column in range(len(rows[0]))]
        del columns[found.index(min(found))]


def solved(system: list[list[float]]) -> list[float]:
    """Gaussian elimination; the right side is the last column."""
    system = [row[:] for row in system]
    for at in range(len(system)):
        pivot = max(range(at, len(system)), key=lambda row: abs(system[row][at]))
        system[at], system[pivot] = system[pivot], system[at]
        for row in range(len(system)):
            if row != at:
                factor = system[row][at] / system[at][at]
                system[row] = [a - factor * b for a, b in zip(system[row], system[at])]
    return [row[-1] / row[at] for at, row in enumerate(system)]


def most_flushes(spacing_ms: float, interval_ms: float, put_ms: float) -> float:
    """Flushes a second of a partition that always has something to write. One begins when the last one is written and the spacing is over. With a
    spacing, those of `durability.flush_interval` come in between."""
    if spacing_ms <= put_ms:
        return 1000 / put_ms
    return 1000 / spacing_ms + 1000 / interval_ms


def flushes(appends: float, most: float) -> float:
    """Flushes a second of a partition with so many appends a second: one for each turn in which an append comes, and appends come independently."""
    return most * (1 - math.exp(-appends / most))


def cores(costs: Costs, partitions: int, appends: float, batch: int, most: float) -> float:
    """CPU of a load that is the same for all partitions."""
    of_appends = appends * (costs.append + costs.record * (batch - 1))
    return of_appends + partitions * (costs.idle_partition + costs.flush * flushes(appends / partitions, most))


def check(measured: dict, costs: Costs) -> float:
    """Prints every sample beside what the model says of as many appends; the largest relative error."""
    print("| sample | nodes | partitions | appends/s | PUTs/s: measured | model | | cores: measured | model | |\n" + "|" + "---|" * 10)
    errors = []
    for point in limited(measured):
        partitions, rate, spacing = point["partitions"], point["appends_per_second"], point["flush_spacing_ms"]
        most = most_flushes(spacing, MEASURED_INTERVAL_MS, measured["settings"]["latency_ms"])
        puts = partitions * flushes(rate / partitions, most)
        used = cores(costs, partitions, rate, point["records"], most)
        off = [puts / point["puts_per_second"] - 1, used / point["node_cores"] - 1]
        errors += map(abs, off)
        print(f"| {point['case']} | {point['nodes']} | {partitions} | {rate:,.0f} | {point['puts_per_second']:,.0f} | {puts:,.0f} | {off[0]:+.0%} "
              f"| {point['node_cores']:.3f} | {used:.3f} | {off[1]:+.0%} |")
    print(f"\nThe model is off by at most {max(errors):.0%}.\n")
    return max(errors)


def plan(given: argparse.Namespace, measured: dict, costs: Costs, records: int, batch: int, spacing_ms: float) -> Plan:
    """The smallest cluster for a load. More partitions make more flushes, so there are only as many as the nodes need."""
    appends, most = records / batch, most_flushes(spacing_ms, given.interval_to_spacing * spacing_ms, given.put_ms)
    one = next(point for point in measured["points"] if point["case"] == "one partition")["appends_per_second"] * PARTITION_UTILIZATION
    partitions = FEWEST_PARTITIONS
    while True:
        used = cores(costs, partitions, appends, batch, most)
        nodes = max(2, math.ceil(used * MOST_TO_AVERAGE / given.cores / given.utilization))
        if partitions >= max(PARTITIONS_OF_A_NODE * nodes, appends / one):
            break
        partitions += FEWEST_PARTITIONS
    puts = partitions * flushes(appends / partitions, most)
    return Plan(records, batch, partitions, nodes, used, puts, puts * given.dear / 1e6 * MONTH_SECONDS + idle_dollars(given, partitions, nodes))


def idle_reads(given: argparse.Namespace, partitions: int) -> float:
    """Reads of the bucket in a second for partitions that nobody uses. Each polls every 0.15 s times their number, but at least every 10 s."""
    return given.idle_reads / 60 * partitions * POLL_OF_64 / min(10, 0.15 * partitions)


def idle_lists(partitions: int) -> float:
    """Lists of their garbage collectors in a second."""
    return partitions * COLLECTOR_LISTS / COLLECTOR_SECONDS


def table(given: argparse.Namespace, measured: dict, costs: Costs, batch: int, spacing_ms: float):
    what = "one record in an append" if batch == 1 else f"{batch} records in an append"
    print(f"{what}, durability.flush_spacing {spacing_ms:g} ms:\n\n| records/s | nodes of {given.cores:g} cores | partitions | cores used | PUTs/s | $ a month for requests |\n"
          "|---|---|---|---|---|---|")
    for records in RATES:
        found = plan(given, measured, costs, records, batch, spacing_ms)
        print(f"| {records:,} | {found.nodes} | {found.partitions} | {found.cores:.1f} | {found.puts:,.0f} | {found.dollars:,.0f} |")
    print()


def idle_dollars(given: argparse.Namespace, partitions: int, nodes: int) -> float:
    """What a cluster costs that nobody uses: polls, garbage collectors, and the object of each node, which the others read."""
    cheap = idle_reads(given, partitions) + nodes * (nodes - 1) / HEARTBEAT_SECONDS
    dear = idle_lists(partitions) + nodes * 2 / HEARTBEAT_SECONDS
    return (cheap * given.cheap + dear * given.dear) / 1e6 * MONTH_SECONDS


def idle_table(given: argparse.Namespace):
    print("| idle partitions | nodes | reads of partitions/s | their lists/s | PUTs and LISTs of nodes/s | $ a month |\n|---|---|---|---|---|---|")
    for partitions in (64, 256):
        for nodes in (3, 8):
            print(f"| {partitions} | {nodes} | {idle_reads(given, partitions):.0f} | {idle_lists(partitions):.1f} | {nodes * 2 / HEARTBEAT_SECONDS:.1f} "
                  f"| {idle_dollars(given, partitions, nodes):,.0f} |")
