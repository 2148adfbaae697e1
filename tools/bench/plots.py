"""The plots of a run, as SVG."""

import math
from pathlib import Path

import pygal
from pygal.style import Style

from cases import CASES
from curves import CURVES
from samples import P50, P99, P999, RATE, Results
from servers import SHORT_NAMES

COLORS = {"ours": "#1f6feb", "unsynced": "#79b8ff", "opendata": "#d9822b", "s2": "#6f42c1", "redis": "#d73a49", "bare": "#8b949e"}
FONT = "system-ui, sans-serif"


def draw(results: Results, folder: Path) -> list[Path]:
    """Writes all plots for which there are numbers."""
    charts = {"throughput": throughput(results), "latency": latency(results)} | curves(results)
    written = []
    for name, chart in charts.items():
        if chart is not None:
            path = folder / f"{name}.svg"
            path.write_bytes(chart.render())
            written.append(path)
    return written


def throughput(results: Results):
    """Records a second of each server in each case."""
    rows = [(case, results.targets(case.name)) for case in CASES if results.median(case.name, "ours", RATE)]
    if not rows:
        return None
    targets = list(dict.fromkeys(target for _, found in rows for target in found))
    bars = [(SHORT_NAMES[target], COLORS[target], [results.median(case.name, target, RATE) for case, _ in rows]) for target in targets]
    return bar_chart("records/s", [case.title for case, _ in rows], bars)


def latency(results: Results):
    """Percentiles of each case, ours beside the peer's."""
    rows = [case for case in CASES if results.median(case.name, "ours", P99)]
    if not rows:
        return None
    shown = [("ours", P50, "Log p50", "#9ecbff"), ("ours", P99, "Log p99", "#1f6feb"), ("ours", P999, "Log p999", "#0b3d91"),
             ("opendata", P50, "OpenData Log p50", "#f3c99f"), ("opendata", P99, "OpenData Log p99", "#d9822b"),
             ("opendata", P999, "OpenData Log p999", "#8a4b08")]
    bars = [(name, color, [results.median(case.name, target, figure) for case in rows]) for target, figure, name, color in shown]
    return bar_chart("milliseconds", [case.title for case in rows], bars)


def bar_chart(title: str, labels: list[str], bars: list[tuple[str, str, list]]):
    """A group of bars for each label, the first one on top."""
    bars = [(name, color, line) for name, color, line in bars if any(line)]
    chart = pygal.HorizontalBar(**options(title, [color for _, color, _ in bars]), width=900, height=120 + 10 * len(labels) * (len(bars) + 1),
                                x_labels_major_every=1, show_x_guides=False)
    chart.x_labels = labels[::-1]
    decades(chart, [line for *_, line in bars])
    for name, _, line in bars:
        chart.add(name, line[::-1])
    return chart


def decades(chart, lines: list[list]):
    """An axis of powers of ten around all values. From the smallest value on, its bar would not be seen."""
    values = [number for line in lines for number in line if number]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    low, high = (low - 1 if 10.0**low == min(values) else low), max(high, low + 1)
    chart.range = (10.0**low, 10.0**high)
    chart.y_labels = [10.0**power for power in range(low, high + 1)]


def curves(results: Results) -> dict:
    """A plot for each figure of each curve. What was not measured, or is zero, leaves a gap: a logarithm has no zero."""
    charts = {}
    for curve in CURVES:
        for figure, axis in curve.figures.items():
            lines = {target: [results.at(curve.name, size, target, figure) or None for size in curve.sizes] for target in curve.targets}
            lines = {target: line for target, line in lines.items() if any(line)}
            if lines:
                charts[f"{curve.name}-{figure.replace('_', '-')}"] = line_chart(curve, axis, lines)
    return charts


def line_chart(curve, axis: str, lines: dict[str, list]):
    chart = pygal.Line(**options(axis, [COLORS[target] for target in lines]), width=600, height=360, x_title=curve.title, dots_size=4)
    chart.x_labels = [f"{size:,}" for size in curve.sizes]
    decades(chart, list(lines.values()))
    for target, line in lines.items():
        chart.add(SHORT_NAMES[target], line)
    return chart


def options(title: str, colors: list[str]) -> dict:
    style = Style(background="white", plot_background="white", font_family=FONT, colors=tuple(colors), title_font_size=14, label_font_size=11,
                  legend_font_size=12, major_label_font_size=11, value_font_size=11)
    # Without scripts: they would be fetched from elsewhere.
    return {"title": title, "style": style, "js": [], "logarithmic": True, "legend_at_bottom": True, "truncate_label": -1, "truncate_legend": -1,
            "value_formatter": lambda number: f"{number:,.4g}" if number < 1000 else f"{number:,.0f}"}
