// Where to read: a sequence, a time, the end.

import { html, useState } from "../html.js";
import { Field } from "../parts.js";
import { go } from "../router.js";
import { SEQUENCE, sequenceIn } from "../sequences.js";
import { fieldTime } from "../shown.js";

const SIZES = [20, 50, 100, 500];

/** Fields to jump to a sequence or to a time, and how many records a page has. `path` and `of` are the view and what it reads. */
export function Position({ path, of, params, limit }) {
  const [sequence, setSequence] = useState(params.from ?? "");
  const [time, setTime] = useState(params.time ? fieldTime(params.time) : "");
  const n = params.n;
  const toSequence = (event) => {
    event.preventDefault();
    const from = sequenceIn(sequence);
    if (from !== null) go(path, { ...of, from, n });
  };
  const toTime = (event) => {
    event.preventDefault();
    const ms = new Date(time).getTime();
    if (!Number.isNaN(ms)) go(path, { ...of, time: ms, n });
  };
  return html`<div class="bar">
    <form class="joined" onSubmit=${toSequence}>
      <${Field} label="From sequence">${(id) => html`<input id=${id} class="short" inputmode="numeric" pattern=${SEQUENCE} title="Digits, such as 1003 or 1,003" required value=${sequence} placeholder="0" autocomplete="off"
        onInput=${(event) => setSequence(event.currentTarget.value)} />`}<//>
      <button>Go<span class="hidden"> to the sequence</span></button>
    </form>
    <form class="joined" onSubmit=${toTime}>
      <${Field} label="From time">${(id) => html`<input id=${id} type="datetime-local" step="1" required value=${time} onInput=${(event) => setTime(event.currentTarget.value)} />`}<//>
      <button>Go<span class="hidden"> to the time</span></button>
    </form>
    <${Field} label=${of.prefix === undefined && of.prefix_base64 === undefined ? "Last" : "Page"}>${(id) => html`<select id=${id} value=${String(limit)} onChange=${(event) => go(path, { ...params, n: event.currentTarget.value })}>
      ${SIZES.map((size) => html`<option key=${size} value=${String(size)}>${size} records</option>`)}
    </select>`}<//>
  </div>`;
}
