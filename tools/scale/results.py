"""What was measured, as JSON, and what is said meanwhile."""

import json
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

import machine  # noqa: E402


def say(what: str):
    print(f"scale: {what}", file=sys.stderr, flush=True)


def rounded(told: dict) -> dict:
    """Numbers to five digits, also inside: more would be noise."""
    def of(value):
        if isinstance(value, float):
            return float(f"{value:.5g}")
        if isinstance(value, dict):
            return {name: of(each) for name, each in value.items()}
        return [of(each) for each in value] if isinstance(value, list) else value
    return of(told)


def write(path: Path, settings: dict, found: dict):
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"machine": machine.described(path.parent), "settings": settings} | found
    path.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n")


def medians(points: list[dict], case: str, count: int) -> dict[str, float]:
    """Medians over the rounds of a case with so many nodes. `even_appends_per_second` is what the nodes take together of a load that is the same for all
    partitions, when the first of them has no CPU left."""
    chosen = [point for point in points if (point["case"], point["nodes"]) == (case, count)]
    told = {name: statistics.median(point[name] for point in chosen) for name in ("partitions", "appends_per_second", "node_cores", "p50_ms", "p99_ms", "left_cores")}
    told["puts_per_second"] = statistics.median(point["requests_per_second"].get("put", 0) for point in chosen)
    told["even_appends_per_second"] = statistics.median(even(point) for point in chosen)
    return told


def even(point: dict) -> float:
    return min(node["appends_per_second"] / node["partitions"] for node in point["by_node"]) * point["partitions"]


def median_of(rows: list[dict], figure: str, **where) -> float:
    return statistics.median(row[figure] for row in rows if all(row[name] == value for name, value in where.items()))
