// A record as a row of a table, and whole below it.

import { html, useMemo, useState } from "../html.js";
import { hexLines, looseText, named, textOf, toBase64 } from "../bytes.js";
import { indented } from "../json.js";
import { Copy } from "../parts.js";
import { href } from "../router.js";
import { InLine, InLines, bytesText, count, timeText } from "../shown.js";

export const FORMATS = [["text", "Text"], ["json", "JSON"], ["hex", "Hex"]];

/** So much of a value is drawn at first, in characters, or in bytes of a hex dump. */
const AT_FIRST = 20_000;
const HEX_AT_FIRST = 4_096;
const IN_A_ROW = 240;

/** The first characters of a value, for a row. */
function preview(bytes, format) {
  const few = bytes.subarray(0, IN_A_ROW * 4 + 4);
  if (format === "hex") return Array.from(few.subarray(0, 96), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  // A cut through a character is no reason to call the rest binary.
  const whole = few.length < bytes.length && textOf(few) === null ? few.subarray(0, lastWhole(few)) : few;
  return looseText(whole);
}

/** Where the last character that was begun in `bytes` begins. */
function lastWhole(bytes) {
  let at = bytes.length - 1;
  while (at > bytes.length - 4 && at > 0 && (bytes[at] & 0xc0) === 0x80) at -= 1;
  return at;
}

function Value({ bytes, format }) {
  const [all, setAll] = useState(false);
  const text = useMemo(() => (format === "hex" ? "" : looseText(bytes)), [bytes, format]);
  const json = useMemo(() => (format === "json" ? indented(text) : null), [text, format]);
  const more = (shown, whole, unit) => shown < whole && html`<button type="button" class="small" onClick=${() => setAll(true)}>Show all ${unit(whole)}</button>`;
  if (format === "hex") {
    const to = all ? bytes.length : HEX_AT_FIRST;
    return html`<pre class="value hex" tabindex="0" aria-label="Value in hex">${hexLines(bytes, 0, to).join("\n") || "(empty)"}</pre>${more(to, bytes.length, bytesText)}`;
  }
  const content = json ?? text;
  const to = all ? content.length : AT_FIRST;
  return html`
    ${format === "json" && json === null && html`<p class="note">This value is not JSON; here is its text.</p>`}
    <pre class="value" tabindex="0" aria-label="Value">${content === "" ? html`<span class="cut">(empty)</span>` : html`<${InLines} text=${content.slice(0, to)} />`}</pre>
    ${more(to, content.length, (characters) => `${count(characters)} characters`)}`;
}

function Whole({ record, format }) {
  const text = textOf(record.value);
  return html`<div class="whole">
    <div class="facts">
      <span>Sequence <b>${count(record.sequence)}</b></span><span>${timeText(record.time)}</span><span>${bytesText(record.value.length)}</span>
      ${text === null && html`<span class="badge">not UTF-8</span>`}
      <span class="actions">
        ${text !== null && html`<${Copy} text=${() => text} what=${`the value of record ${record.sequence}`} />`}
        <${Copy} text=${() => toBase64(record.value)} label="Copy base64" what=${`of record ${record.sequence}`} />
      </span>
    </div>
    ${record.headers.length > 0 && html`<table class="headers"><caption>Headers</caption><tbody>${record.headers.map(({ name, value }, at) => html`<tr key=${at}>
      <th scope="row"><${InLine} text=${name} /></th><td class="mono"><${InLine} text=${looseText(value)} most=${2000} /></td>
    </tr>`)}</tbody></table>`}
    <${Value} bytes=${record.value} format=${format} />
  </div>`;
}

export function Row({ record, format, withKey, open, onToggle }) {
  const id = `record-${record.sequence}`;
  const columns = withKey ? 5 : 4;
  return html`
    <tr class=${open ? "open" : ""}>
      <td class="number"><button type="button" class="expand" aria-expanded=${String(open)} aria-controls=${open ? id : undefined} onClick=${onToggle}
        ><span class="arrow" aria-hidden="true"></span><span class="hidden">Record </span>${count(record.sequence)}</button></td>
      <td class="time">${timeText(record.time)}</td>
      ${withKey && html`<td class="mono key">${record.key && html`<a href=${href("key", { ...named("key", record.key), from: record.sequence })}><${InLine} text=${looseText(record.key)} most=${80} /></a>`}</td>`}
      <td class="number">${record.headers.length > 0 ? html`<span class="badge" title=${record.headers.map(({ name }) => name).join(", ")}>${record.headers.length}</span>` : ""}</td>
      <td class="mono preview"><${InLine} text=${preview(record.value, format)} most=${IN_A_ROW} /></td>
    </tr>
    ${open && html`<tr class="detail" id=${id}><td colspan=${columns}><${Whole} record=${record} format=${format} /></td></tr>`}`;
}

/** A table of records, of which each can be opened. */
export function Records({ records, format, withKey, caption }) {
  const [open, setOpen] = useState(new Set());
  const toggle = (sequence) => setOpen((before) => {
    const after = new Set(before);
    if (!after.delete(sequence)) after.add(sequence);
    return after;
  });
  return html`<table class="records">
    <caption class="hidden">${caption}</caption>
    <thead><tr><th scope="col" class="number">Sequence</th><th scope="col">Time</th>${withKey && html`<th scope="col">Key</th>`}<th scope="col" class="number">Headers</th><th scope="col">Value</th></tr></thead>
    <tbody>${records.map((record) => html`<${Row} key=${record.sequence} record=${record} format=${format} withKey=${withKey}
      open=${open.has(record.sequence)} onToggle=${() => toggle(record.sequence)} />`)}</tbody>
  </table>`;
}
