// Charts over time, drawn by uPlot.

import uPlot from "./libraries/uPlot.esm.js";
import { html, useEffect, useRef } from "./html.js";
import { timeText } from "./shown.js";
import { colour, useColours } from "./theme.js";

const HEIGHT = 150;

/** The shortest time that is shown, in seconds. */
const AT_LEAST = 60;

/** The name of a time below a chart: with seconds where whole minutes are too far apart, and none where it would not fit beside the axis. */
function tick(time, [from, to]) {
  if ((time - from) / (to - from) < 0.06) return "";
  return timeText(time * 1000).slice(11, to - from < 150 ? 19 : 16);
}

/** `rgb(…)` as it is below a line. */
const faint = (solid) => solid.replace("rgb(", "rgba(").replace(")", ", 0.12)");

function options(series, format, range, width, within) {
  const grid = { stroke: colour("--grid", within), width: 1 };
  const ticks = { show: false };
  const text = { stroke: colour("--muted", within), font: "11px system-ui, sans-serif", grid, ticks };
  return {
    width, height: HEIGHT, legend: { show: false }, cursor: { show: false }, padding: [8, 16, 0, 0],
    scales: {
      x: { time: true, range: () => range.current },
      y: { range: (_chart, _least, most) => [0, most > 0 ? most * 1.15 : 1] },
    },
    axes: [
      { ...text, size: 20, gap: 4, space: 70, values: (_chart, times) => times.map((time) => tick(time, range.current)) },
      { ...text, size: 56, gap: 4, space: 32, values: (_chart, values) => values.map(format) },
    ],
    series: [{}, ...series.map(({ name, colour: of, fill }) => ({
      label: name, stroke: colour(of, within), width: 1.75, points: { show: false }, spanGaps: false,
      fill: fill ? faint(colour(of, within)) : undefined,
    }))],
  };
}

/**
 * A chart of `series` (`{ name, of, colour, fill }`, where `of` is the name of a value of each point) over the last `seconds`. What it shows last is
 * also there as text, for those who do not see the lines.
 */
export function Chart({ title, points, series, format, seconds, note }) {
  const place = useRef(null);
  const drawn = useRef(null);
  const range = useRef([0, 1]);
  const colours = useColours();
  const last = points.at(-1);

  const data = () => [points.map((point) => point.at), ...series.map(({ of }) => points.map((point) => point[of] ?? null))];
  useEffect(() => {
    const within = place.current;
    const width = () => Math.max(120, within.clientWidth);
    drawn.current = new uPlot(options(series, format, range, width(), within), data(), within);
    const sized = new ResizeObserver(() => drawn.current?.setSize({ width: width(), height: HEIGHT }));
    sized.observe(within);
    return () => {
      sized.disconnect();
      drawn.current.destroy();
      drawn.current = null;
    };
  }, [colours]);
  useEffect(() => {
    const now = last?.at ?? Date.now() / 1000;
    // Less while there is less, so that the first minute is not a corner.
    const first = Math.min(points[0]?.at ?? now, now - AT_LEAST);
    range.current = [Math.max(now - seconds, first), now];
    drawn.current?.setData(data());
  }, [points, colours]);

  return html`<section class="card chart" aria-label=${title}>
    <h2>${title}</h2>
    <ul class="legend">
      ${series.map(({ name, of, colour: shade }) => html`<li key=${of}>
        <span class=${`dot ${shade.slice(2)}`} aria-hidden="true"></span>${name} <span class="figure">${format(last?.[of] ?? null)}</span>
      </li>`)}
    </ul>
    <div class="plot" ref=${place} aria-hidden="true"></div>
    ${note && html`<p class="note">${note}</p>`}
  </section>`;
}
