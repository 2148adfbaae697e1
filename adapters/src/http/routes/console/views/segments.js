// The segments of the log on a time line.

import { html } from "../html.js";
import { count, timeText } from "../shown.js";

/** So many of the newest are drawn. */
const DRAWN = 240;
const LISTED = 8;

const WIDTH = 1000;

/** A segment with what follows from the next one: how long it was written to, and how many sequences it has. */
function measured(segments, tip, now) {
  return segments.map((segment, at) => {
    const next = segments[at + 1];
    const end = next ? next.startTimeMs : now;
    const last = next ? next.startSeq : tip;
    return { ...segment, startSeq: segment.startSeq ?? 0, endTimeMs: end, sequences: Number(last ?? 0) - Number(segment.startSeq ?? 0), active: !next };
  });
}

export function Segments({ segments, tip }) {
  const now = Date.now();
  const all = measured(segments, tip, now);
  const drawn = all.slice(-DRAWN);
  if (drawn.length === 0) return html`<p class="note">There are no segments yet: the log begins with its first record.</p>`;
  const from = drawn[0].startTimeMs;
  const whole = Math.max(1, now - from);
  const x = (time) => ((time - from) / whole) * WIDTH;
  const most = Math.max(1, ...drawn.map((segment) => segment.sequences));
  return html`<div>
    <svg class="segments" viewBox="0 0 ${WIDTH} 56" preserveAspectRatio="none" aria-hidden="true">
      ${drawn.map((segment) => {
        const height = 8 + (segment.sequences / most) * 48;
        const width = Math.max(1.5, x(segment.endTimeMs) - x(segment.startTimeMs) - 1.5);
        return html`<rect key=${segment.id} class=${segment.active ? "active" : ""} x=${x(segment.startTimeMs)} y=${56 - height} width=${width} height=${height} rx="1.5" />`;
      })}
    </svg>
    <p class="ends note"><span>${timeText(from, { seconds: 0 })}</span><span>now</span></p>
    <div class="scroll" tabindex="0" role="region" aria-label="Table of segments"><table>
      <caption class="hidden">The newest segments</caption>
      <thead><tr><th scope="col" class="number">Segment</th><th scope="col">Started</th><th scope="col" class="number">First sequence</th><th scope="col" class="number">Sequences</th><th scope="col">State</th></tr></thead>
      <tbody>${all.slice(-LISTED).reverse().map((segment) => html`<tr key=${segment.id}>
        <td class="number">${count(segment.id)}</td><td class="time">${timeText(segment.startTimeMs, { seconds: 0 })}</td>
        <td class="number">${count(segment.startSeq)}</td><td class="number">${count(Math.max(0, segment.sequences))}</td>
        <td>${segment.active ? html`<span class="badge good">active</span>` : html`<span class="badge">sealed</span>`}</td>
      </tr>`)}</tbody>
    </table></div>
    ${all.length > LISTED && html`<p class="note">The newest ${LISTED} of ${count(all.length)} segments${all.length > DRAWN ? `; ${DRAWN} are drawn` : ""}.</p>`}
  </div>`;
}
