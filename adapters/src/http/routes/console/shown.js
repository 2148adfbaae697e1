// Text of strangers as people can read it safely: what would be invisible, or would reorder its surroundings, is escaped and marked.

import { html } from "./html.js";

// Controls but tab and line feed, marks of direction, zero-width and other invisible characters, private use, noncharacters.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u00a0\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufeff\uffa0\ufff0-\uffff\ue000-\uf8ff\u{e0000}-\u{e0fff}]+/gu;
const IN_ONE_LINE = new RegExp(`(?:${UNSEEN.source}|[\\t\\n])+`, "gu");

const SHORT = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0" };

function escaped(run) {
  let text = "";
  for (let at = 0; at < run.length; at += 1) {
    const code = run.charCodeAt(at);
    text += SHORT[run[at]] ?? (code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`);
  }
  return text;
}

/** The text in parts: strings, and escapes that look different. */
function parts(text, pattern) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) found.push(text.slice(end, match.index));
    found.push(html`<span class="escape">${escaped(match[0])}</span>`);
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push(text.slice(end));
  return found;
}

/** Text in one line, cut after `most` characters. */
export function InLine({ text, most = 240 }) {
  const cut = text.length > most;
  return html`<bdi class="shown">${parts(cut ? text.slice(0, most) : text, IN_ONE_LINE)}${cut && html`<span class="cut">…</span>`}</bdi>`;
}

/** Text with its lines. */
export function InLines({ text }) {
  return html`<bdi class="shown">${parts(text, UNSEEN)}</bdi>`;
}

const NUMBER = new Intl.NumberFormat("en-US");

/** A whole number with separators; one that is too large for a number is a string already. */
export const count = (value) => (typeof value === "string" ? value.replace(/\B(?=(\d{3})+$)/g, ",") : NUMBER.format(value));

/** So many of something: `1 record`, `2 records`. */
export const amount = (value, one) => `${count(value)} ${Number(value) === 1 ? one : `${one}s`}`;

/** A number with at most three significant digits. */
export function rough(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  for (const [size, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (Math.abs(value) >= size) return `${Number((value / (unit === "k" ? 1e3 : size)).toPrecision(3))} ${unit}`;
  }
  return value === 0 || Math.abs(value) >= 100 ? NUMBER.format(Math.round(value)) : String(Number(value.toPrecision(3)));
}

export function bytesText(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  for (const [size, unit] of [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]]) {
    if (value >= size) return `${Number((value / size).toPrecision(3))} ${unit}`;
  }
  return `${NUMBER.format(value)} B`;
}

/** Seconds with a unit that fits. */
export function secondsText(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0 s";
  if (value < 0.001) return `${Number((value * 1e6).toPrecision(2))} µs`;
  if (value < 1) return `${Number((value * 1e3).toPrecision(3))} ms`;
  if (value < 120) return `${Number(value.toPrecision(3))} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  return value < 172_800 ? `${Number((value / 3600).toPrecision(3))} h` : `${Math.round(value / 86_400)} d`;
}

const two = (value) => String(value).padStart(2, "0");

/** A time as `2026-11-28 03:58:08.123`, in the time zone of the browser. */
export function timeText(ms, { seconds = 3 } = {}) {
  const time = new Date(Number(ms));
  if (Number.isNaN(time.getTime())) return String(ms);
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const whole = `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return seconds === 3 ? `${whole}.${String(time.getMilliseconds()).padStart(3, "0")}` : whole;
}

/** What a field for a date and a time takes. */
export const fieldTime = (ms) => timeText(ms, { seconds: 0 }).replace(" ", "T");
