// Pages of records, of one key or of all keys with a prefix.

import { call } from "./api.js";
import { bytesNamed, fromBase64, named } from "./bytes.js";
import { token } from "./session.js";

export const PAGE = 50;
/** How often a window of a prefix is widened to find what is before a record. */
const WIDENED = 12;

/** What is read: `{ kind: "key" | "prefix", bytes }`, or null if the parameters name neither. */
export function selected(params) {
  for (const kind of ["key", "prefix"]) {
    const bytes = bytesNamed(kind, params);
    if (bytes) return { kind, bytes };
  }
  return null;
}

export const paramsOf = ({ kind, bytes }) => named(kind, bytes);

/** A record of an answer or an event, with its bytes. `key` is null where all records have the same. */
export function record(value) {
  return {
    sequence: value.sequence ?? 0,
    time: value.timestampMs ?? 0,
    key: value.key === undefined ? null : fromBase64(value.key),
    value: fromBase64(value.value ?? ""),
    headers: (value.headers ?? []).map(({ name, value: bytes }) => ({ name, value: fromBase64(bytes ?? "") })),
  };
}

function page(answer) {
  return {
    records: (answer.values ?? []).map(record),
    next: answer.nextSequence ?? 0,
    more: Boolean(answer.more),
    trimmedBefore: answer.trimmedBefore ?? null,
  };
}

const scan = async (selection, query, signal) => page(await call("api/v1/log/scan", { query: { ...paramsOf(selection), ...query }, token: token(), signal }));

/**
 * One page at a position: `{ from }` a sequence, `{ time }` in milliseconds, `{ before }` a sequence, or neither: the newest records of a key, and the
 * oldest ones of a prefix.
 */
export async function read(selection, { from, time, before }, limit, signal) {
  if (from !== undefined) return scan(selection, { start_seq: from, limit }, signal);
  if (time !== undefined) return scan(selection, { start_time_ms: time, limit }, signal);
  if (selection.kind === "key") return scan(selection, { last: limit, end_seq: before }, signal);
  return before === undefined ? scan(selection, { start_seq: 0, limit }, signal) : earlier(selection, Number(before), limit, signal);
}

/** What is before a sequence, of many keys: a window that is widened until it has something. It may begin before the last page that fits. */
async function earlier(selection, before, limit, signal) {
  let found = null;
  for (let [width, turn] = [limit, 0]; turn < WIDENED; width *= 4, turn += 1) {
    const from = Math.max(0, before - width);
    found = await scan(selection, { start_seq: from, end_seq: before, limit }, signal);
    if (found.records.length > 0 || from === 0) break;
  }
  return found;
}

/** How many records a key has. */
export async function counted(bytes, signal) {
  const answer = await call("api/v1/log/count", { query: named("key", bytes), token: token(), signal });
  return answer.count ?? 0;
}
