"""`unavailability`: how long partitions take no appends while nodes stop, die and come."""

import dataclasses
import json
import statistics
import time
import urllib.parse
from collections.abc import Callable

import nodes
import partitions
import processes
import results
from appender import Appender

BASELINE_SECONDS = 8
HANDOVER, DEATH = "handover", "death"
GOAL_SECONDS = {HANDOVER: 0.5, DEATH: 15.0}
PAGE = 5000


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that moves partitions, by the name and the kind of what happens to them."""

    name: str
    kind: str
    action: object


def events(cluster: nodes.Cluster) -> list[Event]:
    """What happens to the nodes n0, n1 and n2, one after another."""
    single = [
        Event("SIGTERM", HANDOVER, lambda: cluster.stop("n0")), Event("start after SIGTERM", HANDOVER, lambda: cluster.start("n0")),
        Event("SIGKILL", DEATH, lambda: cluster.kill("n1")), Event("start after SIGKILL", HANDOVER, lambda: cluster.start("n1")),
        Event("a fourth node", HANDOVER, lambda: cluster.start("n3")),
    ]
    rolling = []
    for name in ("n3", "n2", "n1", "n0"):
        rolling.append(Event(f"rolling restart, {name} stops", HANDOVER, lambda name=name: cluster.stop(name)))
        rolling.append(Event(f"rolling restart, {name} starts", HANDOVER, lambda name=name: cluster.start(name)))
    return single + rolling


def run(cluster: nodes.Cluster, per_second: float, keep: Callable[[dict], None]) -> dict:
    """Everything that happened, as it is written. What has happened so far is kept after each event: it takes minutes."""
    for number in range(3):
        cluster.start(f"n{number}")
    placement = cluster.settled()
    appenders = start(cluster, placement, per_second)
    time.sleep(2)
    began = time.monotonic()
    time.sleep(BASELINE_SECONDS)
    usual = {partition: statistics.median(each.gaps(began, time.monotonic())) for partition, each in enumerate(appenders)}
    latencies = sorted(latency for each in appenders for latency in each.latencies)
    steady = {"seconds": BASELINE_SECONDS, "appends_per_second": len(latencies) / (BASELINE_SECONDS + 2), "p50_ms": quantile(latencies, 0.5) * 1000,
              "p99_ms": quantile(latencies, 0.99) * 1000, "longest_gap_beyond_usual": longest(appenders, range(len(appenders)), usual, began)}
    found = results.rounded({"steady": steady, "events": []})
    for event in events(cluster):
        placement, told = happen(cluster, event, placement, appenders, usual)
        found["events"].append(results.rounded(told))
        keep(found)
    for each in appenders:
        each.ended.set()
    for each in appenders:
        each.stop()
    return found | {"records": read_back(cluster, appenders), "failed_requests": sum(each.failures for each in appenders)}


def start(cluster: nodes.Cluster, placement: dict[int, str], per_second: float) -> list[Appender]:
    """An appender for each partition, which do not send at the same times."""
    # Those that start later have their ports already.
    cluster.ports["n3"], = processes.free_ports(1)
    urls = [f"http://127.0.0.1:{port}" for port in cluster.ports.values()]
    interval = 1 / per_second
    appenders = [Appender(key, placement[partition], urls, interval, interval * partition / cluster.count)
                 for partition, key in enumerate(partitions.keys(cluster.count))]
    for each in appenders:
        each.start()
    return appenders


def happen(cluster: nodes.Cluster, event: Event, before: dict[int, str], appenders: list[Appender], usual: dict[int, float]) -> tuple[dict, dict]:
    """One event: the placement after it, and for how long each partition that moved took no appends beyond the usual gap."""
    began = time.monotonic()
    event.action()
    after = cluster.settled()
    settled = time.monotonic() - nodes.STEADY_SECONDS - began
    moved = [partition for partition in after if after[partition] != before[partition]]
    stayed = [partition for partition in after if partition not in moved]
    gone = {partition: max(0.0, max(appenders[partition].gaps(began, time.monotonic())) - usual[partition]) for partition in moved}
    told = {"event": event.name, "kind": event.kind, "seconds_until_settled": settled, "moved": len(moved), "p50": quantile(sorted(gone.values()), 0.5),
            "longest": max(gone.values()), "longest_of_those_that_stayed": longest(appenders, stayed, usual, began),
            "seconds_by_partition": {str(partition): seconds for partition, seconds in gone.items()}}
    results.say(f"{event.name}: {len(moved)} partitions moved, away for {told['p50']:.3f} s (p50), at most {told['longest']:.3f} s; "
                f"the others at most {told['longest_of_those_that_stayed']:.3f} s; settled after {settled:.1f} s")
    return after, told


def longest(appenders: list[Appender], which, usual: dict[int, float], began: float) -> float:
    now = time.monotonic()
    return max((max(0.0, max(appenders[each].gaps(began, now)) - usual[each]) for each in which), default=0.0)


def quantile(ordered: list[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def read_back(cluster: nodes.Cluster, appenders: list[Appender]) -> dict[str, int]:
    """Reads every key at every node, and counts what was acknowledged and is not there, or is there twice or out of order."""
    lost = twice = 0
    for node in cluster.nodes.values():
        for each in appenders:
            values = values_of(node.address, each.key)
            lost += len(set(range(len(each.acknowledged))) - set(values))
            twice += len(values) - len(set(values)) + (values != sorted(values))
    return {"acknowledged": sum(len(each.acknowledged) for each in appenders), "lost": lost, "twice_or_out_of_order": twice}


def values_of(url: str, key: str) -> list[int]:
    found, at = [], 0
    while True:
        asked = urllib.parse.urlencode({"key": key, "start_seq": at, "limit": PAGE, "format": "text"})
        status, text = processes.request(f"{url}/api/v1/log/scan?{asked}")
        assert status == 200, text
        page = json.loads(text)
        found += [int(value["valueText"]) for value in page["values"]]
        if not page["values"] and not page.get("more"):
            return found
        at = page["nextSequence"]


def summary(found: dict) -> list[str]:
    """What happened, in lines."""
    lines = ["| what happened | partitions that moved | away, p50 | away, at most | the others, at most |", "|---|---|---|---|---|"]
    for each in found["events"]:
        lines.append(f"| {each['event']} | {each['moved']} | {each['p50']:.1f} s | {each['longest']:.1f} s "
                     f"| {each['longest_of_those_that_stayed']:.2f} s |")
    lines.append("")
    for kind, goal in GOAL_SECONDS.items():
        seconds = of_kind(found, kind)
        lines.append(f"{kind}: {len(seconds)} moves, p50 {quantile(seconds, 0.5):.2f} s, p90 {quantile(seconds, 0.9):.2f} s, at most {seconds[-1]:.2f} s "
                     f"(goal: {goal:g} s)")
    if records := found.get("records"):
        lines.append(f"{records['acknowledged']:,} appends acknowledged, {records['lost']} lost, {records['twice_or_out_of_order']} twice or out of order")
    return lines


def of_kind(found: dict, kind: str) -> list[float]:
    return sorted(seconds for each in found["events"] if each["kind"] == kind for seconds in each["seconds_by_partition"].values())
