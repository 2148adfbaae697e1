"""`measure`: how durable appends grow with nodes, what an append costs and of what, what a forwarded request costs, and what idle partitions ask for."""

import contextlib
import dataclasses
import os
import resource
import statistics
import time
from pathlib import Path

import load
import nodes
import partitions
import results
from load import Shape, Target

import cpu_share
from proxy import Proxy

WARM_SECONDS = 3
COUNTS = (1, 2, 4)
# Partitions for each node where their number grows with the nodes. The largest cluster has as many as one whose number is fixed.
PARTITIONS = 16
MOST = PARTITIONS * COUNTS[-1]
# Connections for each node: somewhat more than are needed to take all of its CPU, and few enough not to.
MANY, FEW = 256, 64
# Connections of the load on one partition.
ONE_PARTITION = 1024
# Rounds of the forwarded and the direct load, in turn, and its connections for each partition.
FORWARD_ROUNDS, FORWARD_CONNECTIONS = 3, 32
FORWARD_SECONDS = 4
# Open files of this process, and of those that it starts.
DESCRIPTORS = 12_000
TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Bench:
    """What all samples share: where they are taken, and how."""

    stage: object
    proxy: Proxy
    store_pid: int
    env: dict[str, str]
    given: object

    def cluster(self, count: int, of_partitions: int, spacing_ms: float) -> tuple[nodes.Cluster, list[Target]]:
        """A new cluster of so many nodes, settled, and what is appended to at each node."""
        self.stage.started += 1
        # With a spacing, the interval for appends that are not durable would make as many flushes again.
        env = self.env | ({"LOG_DURABILITY__FLUSH_SPACING": f"{spacing_ms:g}ms", "LOG_DURABILITY__FLUSH_INTERVAL": "1s"} if spacing_ms else {})
        cluster = nodes.Cluster(self.stage, f"c{self.stage.started}", env, of_partitions)
        for number in range(count):
            cluster.start(f"n{number}")
        targets = load.targets(cluster.settled(), partitions.keys(of_partitions))
        assert all(map(load.served_there, targets)), "a node does not serve what the map says"
        return cluster, targets


@dataclasses.dataclass(frozen=True)
class Used:
    """CPU so far, in seconds: of each node by its URL, and of everything else."""

    of_nodes: dict[str, float]
    proxy: float
    store: float
    load: float
    idle: float


def run(bench: Bench) -> dict:
    """All samples, as they are written."""
    found = alone(bench) | {"forwarded": forwarding(bench)}
    for number in range(1, bench.given.rounds + 1):
        for count in COUNTS:
            found["points"] += grown(bench, count, number)
        # The largest one has been measured: it has as many partitions.
        for count in COUNTS[:-1]:
            cluster, targets = bench.cluster(count, MOST, bench.given.flush_spacing_ms)
            found["points"] += limited(bench, cluster, targets, {"fixed partitions": Shape(MANY * count // MOST)}, number)
            cluster.end()
    return found


def alone(bench: Bench) -> dict:
    """One node with all partitions, and flushes back to back, as by default: what it asks for while idle, and what one partition takes."""
    cluster, targets = bench.cluster(1, MOST, 0)
    idle = idling(bench, cluster)
    one = sample(bench, cluster, one_partition(targets), Shape(ONE_PARTITION), {"case": "one partition", "round": 1})
    cluster.end()
    return {"idle": idle, "points": [one]}


def grown(bench: Bench, count: int, number: int) -> list[dict]:
    """Samples of a cluster whose partitions grow with its nodes. In the first round, one node also shows what flushes and records cost, with fewer appends in a
    flush and with more records in an append."""
    cluster, targets = bench.cluster(count, PARTITIONS * count, bench.given.flush_spacing_ms)
    shapes = {"growing partitions": Shape(MANY // PARTITIONS)}
    if number == 1 and count == 1:
        shapes |= {"few connections": Shape(FEW // PARTITIONS), "batches": Shape(MANY // PARTITIONS, records=10)}
    points = limited(bench, cluster, targets, shapes, number)
    cluster.end()
    return points


def limited(bench: Bench, cluster: nodes.Cluster, targets: list[Target], shapes: dict[str, Shape], number: int) -> list[dict]:
    """Samples of a cluster whose nodes have a share of a core each."""
    share, spacing = bench.given.share, bench.given.flush_spacing_ms
    with contextlib.ExitStack() as ends:
        for node in cluster.nodes.values():
            ends.enter_context(cpu_share.limited(node, share))
        return [sample(bench, cluster, targets, shape, {"case": case, "round": number, "share": share, "flush_spacing_ms": spacing})
                for case, shape in shapes.items()]


def one_partition(targets: list[Target]) -> list[Target]:
    """The first partition alone."""
    return [dataclasses.replace(targets[0], keys=targets[0].keys[:1])]


def sample(bench: Bench, cluster: nodes.Cluster, targets: list[Target], shape: Shape, about: dict) -> dict:
    """A load, after a short one that is not counted, and what everybody used meanwhile."""
    folder, seconds = bench.stage.folder, bench.given.seconds
    load.run(targets, shape, WARM_SECONDS, folder)
    asked, before, began = bench.proxy.requests(), used(bench, cluster), time.monotonic()
    done = load.run(targets, shape, seconds, folder)
    took = time.monotonic() - began
    after, answered = used(bench, cluster), bench.proxy.requests()
    rates = [each.requests / each.seconds for each in done]
    by_node = [{"partitions": len(target.keys), "appends_per_second": rate, "cores": (after.of_nodes[target.url] - before.of_nodes[target.url]) / took}
               for target, rate in zip(targets, rates)]
    point = about | {
        "nodes": len(targets), "partitions": sum(len(target.keys) for target in targets), "connections_per_partition": shape.connections,
        "records": shape.records, "appends_per_second": sum(rates), "node_cores": sum(each["cores"] for each in by_node),
        "requests_per_second": {kind: (count - asked.get(kind, 0)) / took for kind, count in sorted(answered.items())},
        "p50_ms": statistics.median(each.p50 for each in done), "p99_ms": max(each.p99 for each in done), "errors": sum(each.errors for each in done),
        "proxy_cores": (after.proxy - before.proxy) / took, "store_cores": (after.store - before.store) / took,
        "load_cores": (after.load - before.load) / took, "idle_cores": (after.idle - before.idle) / took, "by_node": by_node,
    }
    point["left_cores"] = os.cpu_count() - sum(point[of] for of in ("node_cores", "proxy_cores", "store_cores", "load_cores"))
    results.say(f"{point['case']}, {len(targets)} nodes: {point['appends_per_second']:,.0f} appends/s of {shape.records}, "
                f"{point['node_cores'] / point['appends_per_second'] * 1e6:.0f} µs of CPU each, {point['requests_per_second'].get('put', 0):.0f} PUT/s, "
                f"p50 {point['p50_ms']:.0f} ms, {point['left_cores']:.2f} cores left, {point['idle_cores']:.2f} idle, {point['errors']} errors")
    return results.rounded(point)


def forwarding(bench: Bench) -> list[dict]:
    """The same appends sent to the node that serves their partitions, and to the other one, in turn. Of a cluster of its own: the compactions of these many records
    would take of the CPU of other samples."""
    cluster, targets = bench.cluster(2, 2 * PARTITIONS, bench.given.flush_spacing_ms)
    right, other = targets[0], targets[1].url
    wrong, found = dataclasses.replace(right, url=other), []
    for number in range(FORWARD_ROUNDS):
        for to, target in (("serving", right), ("other", wrong)):
            load.run([target], Shape(FORWARD_CONNECTIONS), 1, bench.stage.folder)
            before = used(bench, cluster)
            done, = load.run([target], Shape(FORWARD_CONNECTIONS), FORWARD_SECONDS, bench.stage.folder)
            after = used(bench, cluster)
            cpu = {url: (after.of_nodes[url] - before.of_nodes[url]) / done.requests * 1e6 for url in (right.url, other)}
            found.append(results.rounded({
                "to": to, "round": number + 1, "appends_per_second": done.requests / done.seconds, "p50_ms": done.p50, "p99_ms": done.p99,
                "serving_cpu_micros_per_append": cpu[right.url], "other_cpu_micros_per_append": cpu[other], "errors": done.errors}))
            results.say(f"to the {to} node: {done.requests / done.seconds:,.0f} appends/s, CPU of the serving node {cpu[right.url]:.0f} µs for each, "
                        f"of the other one {cpu[other]:.0f} µs")
    cluster.end()
    return found


def idling(bench: Bench, cluster: nodes.Cluster) -> dict:
    """What one node asks for in a minute whose partitions are not used, and its CPU."""
    asked, before, began = bench.proxy.requests(), used(bench, cluster), time.monotonic()
    time.sleep(bench.given.idle_seconds)
    took = time.monotonic() - began
    answered, after = bench.proxy.requests(), used(bench, cluster)
    by_kind = {kind: (count - asked.get(kind, 0)) / took * 60 for kind, count in sorted(answered.items())}
    cores = sum(after.of_nodes[url] - before.of_nodes[url] for url in after.of_nodes) / took
    results.say(f"{cluster.count} idle partitions of one node: {cores:.4f} cores, " + ", ".join(f"{rate:.0f} {kind}" for kind, rate in by_kind.items()) + " in a minute")
    return {"partitions": cluster.count, "nodes": 1, "seconds": bench.given.idle_seconds, "cores": float(f"{cores:.5g}"),
            "requests_per_minute": results.rounded(by_kind)}


def used(bench: Bench, cluster: nodes.Cluster) -> Used:
    """CPU of everybody until now."""
    idle = int(Path("/proc/stat").read_text().split(maxsplit=5)[4]) / TICKS
    return Used({node.address: node.cpu_seconds() for node in cluster.nodes.values()}, of_process(bench.proxy.process.pid), of_process(bench.store_pid),
                load.cpu_seconds(), idle)


def of_process(pid: int) -> float:
    """CPU of a process; its clock is named as in clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | 2)


def summary(found: dict) -> list[str]:
    """What the samples say, in lines."""
    lines = ["| partitions | nodes | durable appends/s | to linear | even load, to linear | PUTs/s | CPU of an append | p50 | cores left |", "|" + "---|" * 9]
    for case in ("growing partitions", "fixed partitions"):
        one = results.medians(found["points"], case, 1)["appends_per_second"]
        for count in COUNTS:
            # The largest cluster has as many partitions either way.
            point = results.medians(found["points"], "growing partitions" if count == COUNTS[-1] else case, count)
            rate, even = point["appends_per_second"], point["even_appends_per_second"]
            lines.append(f"| {point['partitions']:.0f} | {count} | {rate:,.0f} | {rate / one / count:.2f} | {even / one / count:.2f} | {point['puts_per_second']:,.0f} "
                         f"| {point['node_cores'] / rate * 1e6:.0f} µs | {point['p50_ms']:.0f} ms | {point['left_cores']:.2f} |")
    of = {to: {node: results.median_of(found["forwarded"], f"{node}_cpu_micros_per_append", to=to) for node in ("serving", "other")} for to in ("serving", "other")}
    direct, passed = of["serving"], of["other"]
    more = sum(passed.values()) - sum(direct.values())
    return [*lines, "", f"CPU of an append: {direct['serving']:.0f} µs at the node that serves it; {passed['serving']:.0f} µs there and {passed['other'] - direct['other']:.0f} µs at the "
            f"other node if that one passes it on: {more:.0f} µs more"]


def check(parser, given):
    if os.getuid() != 0:
        parser.error("limiting the CPU of nodes needs root")
    if not 0 < given.share <= 1 or given.rounds < 1 or given.seconds < 1:
        parser.error("--share must be between 0 and 1, --rounds and --seconds at least 1")
    # Connections, at both ends.
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, max(DESCRIPTORS, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
