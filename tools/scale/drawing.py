"""The plot of what was measured and what the model makes of it, as SVG."""

import dataclasses
import html
import math

import results

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 450, 340, 80, 40, 50, 110
FONT = "system-ui, sans-serif"
COLORS = ("#1f6feb", "#d9822b", "#2da44e", "#6f42c1", "#d73a49", "#0b3d91")
GRAY = "#8b949e"


@dataclasses.dataclass(frozen=True)
class Line:
    """Points that are connected, with a name and a color."""

    name: str
    points: list[tuple[float, float]]
    color: str
    dashed: bool = False


@dataclasses.dataclass(frozen=True)
class Panel:
    """A chart with logarithmic axes."""

    title: str
    across: str
    ticks: list[float]
    lines: list[Line]


def picture(measured: dict, plans: dict) -> str:
    """What was measured on the left, dollars on the right."""
    panels = [scaling(measured), dollars(plans)]
    parts = [panel_of(panel, number * (LEFT + WIDTH + RIGHT)) for number, panel in enumerate(panels)]
    width, height = len(panels) * (LEFT + WIDTH + RIGHT), TOP + HEIGHT + BOTTOM
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="{FONT}" font-size="12">\n'
            "<title>How a cluster scales, and what its requests cost</title>\n"
            f'<rect width="{width}" height="{height}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n")


def scaling(measured: dict) -> Panel:
    """Appends a second of 1, 2 and 4 nodes, as a multiple of what one did."""
    lines = []
    for color, (case, name) in zip(COLORS, (("growing partitions", "16 partitions for each node"), ("fixed partitions", "64 partitions"))):
        one = results.medians(measured["points"], case, 1)["appends_per_second"]
        counts = (1, 2, 4)
        rates = [results.medians(measured["points"], case if count < 4 else "growing partitions", count)["appends_per_second"] for count in counts]
        lines.append(Line(name, [(count, rate / one) for count, rate in zip(counts, rates)], color))
    return Panel("durable appends/s, to one node", "nodes", [1, 2, 4], [*lines, Line("linear", [(1, 1), (4, 4)], GRAY, dashed=True)])


def dollars(plans: dict) -> Panel:
    """Dollars of requests in a month for each batch and spacing."""
    lines = [Line(f"{batch} in an append, {spacing:g} ms", [(plan.records, plan.dollars) for plan in found], color, dashed=batch > 1)
             for color, ((batch, spacing), found) in zip(COLORS, plans.items())]
    return Panel("dollars a month for S3 requests, by flush_spacing (model)", "durable records/s of 100 B", [plan.records for plan in next(iter(plans.values()))], lines)


def panel_of(panel: Panel, at: float) -> str:
    values = [y for line in panel.lines for _, y in line.points]
    low, high = 2 ** math.floor(math.log2(min(values))), 2 ** math.ceil(math.log2(max(values)))
    if high / low > 64:
        low, high = 10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values)))
    step = 10 if high / low > 64 else 2
    first, last = panel.ticks[0], panel.ticks[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        across = math.log(x / first) / math.log(last / first)
        up = math.log(y / low) / math.log(high / low)
        return at + LEFT + across * WIDTH, TOP + HEIGHT - up * HEIGHT

    parts = [text(at + LEFT, TOP - 16, panel.title, size=14), text(at + LEFT + WIDTH / 2, TOP + HEIGHT + 38, panel.across, anchor="middle")]
    for x in panel.ticks:
        across, bottom = place(x, low)
        parts += [stroke([(across, TOP), (across, bottom)], "#e5e7eb", 1), text(across, bottom + 18, f"{x:,g}" if x < 1e4 else f"{x:,.0f}", anchor="middle")]
    tick = low
    while tick <= high * 1.001:
        left, up = place(first, tick)
        parts += [stroke([(left, up), (left + WIDTH, up)], "#e5e7eb", 1), text(left - 8, up + 4, f"{tick:,g}" if tick < 1e4 else f"{tick:,.0f}", anchor="end")]
        tick *= step
    for number, line in enumerate(panel.lines):
        places = [place(*point) for point in line.points]
        parts.append(stroke(places, line.color, 2, line.dashed))
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{line.color}"/>' for x, y in places if line.color != GRAY]
        x, y = at + LEFT + number // 3 * WIDTH / 2, TOP + HEIGHT + 60 + number % 3 * 18
        parts += [stroke([(x, y - 4), (x + 22, y - 4)], line.color, 2, line.dashed), text(x + 30, y, line.name)]
    return "\n".join(parts)


def stroke(places: list[tuple[float, float]], color: str, width: float, dashed: bool = False) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dashes = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="{width}"{dashes}/>'


def text(x: float, y: float, said: str, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{html.escape(said)}</text>'
