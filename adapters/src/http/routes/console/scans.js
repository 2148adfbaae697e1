// Pages of records, of one key or of all keys with a prefix.

import { call, send } from "./api.js";
import { bytesNamed, fromBase64, named } from "./bytes.js";
import { samplesOf, sum } from "./metrics.js";
import { token } from "./session.js";

export const PAGE = 50;
/** How often a window of a prefix is widened to find what is before a record, how many records are read of it at once, and how often it is read on. */
const WIDENED = 12;
const AT_ONCE = 1_000;
const READ_ON = 4;

/** What is read: `{ kind: "key" | "prefix", bytes }`, in a cluster perhaps with the `partition`, or null if the parameters name neither. */
export function selected(params) {
  for (const kind of ["key", "prefix"]) {
    const bytes = bytesNamed(kind, params);
    if (bytes) return { kind, bytes };
  }
  return null;
}

export const paramsOf = ({ kind, bytes, partition }) => ({ ...named(kind, bytes), ...(partition === undefined ? {} : { partition }) });

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
 * One page at a position: `{ from }` a sequence, `{ time }` in milliseconds, `{ before }` a sequence, or none: the newest records of a key, and the
 * oldest ones of a prefix, unless `{ newest }` is given.
 */
export async function read(selection, { from, time, before, newest }, limit, signal) {
  if (from !== undefined) return scan(selection, { start_seq: from, limit }, signal);
  if (time !== undefined) return scan(selection, { start_time_ms: time, limit }, signal);
  if (selection.kind === "key") return scan(selection, { last: limit, end_seq: before }, signal);
  if (newest !== undefined) return earlier(selection, Number(await tip(selection, signal)), limit, signal);
  return before === undefined ? scan(selection, { start_seq: 0, limit }, signal) : earlier(selection, Number(before), limit, signal);
}

/** The sequence after the newest record of the log; in a cluster, after what is durable of the partition that is read. */
export async function tip(selection, signal) {
  const text = await (await send("-/metrics", { token: token(), accept: "text/plain", signal })).text();
  const whole = sum(samplesOf(text), "log_tip_sequence");
  if (whole !== null) return whole;
  const answer = await send("api/v1/log/scan", { query: { ...paramsOf(selection), limit: 1 }, token: token(), signal });
  await answer.text();
  return answer.headers.get("log-durable-sequence") ?? 0;
}

/**
 * The last records before a sequence, of many keys, which the server reads forwards only: a window that is widened until it has enough. After
 * so many pages it is what was read until then.
 */
async function earlier(selection, before, limit, signal) {
  let found = null;
  let [width, from] = [limit, before];
  for (let turn = 0; turn < WIDENED; turn += 1) {
    from = Math.max(0, before - width);
    found = await scan(selection, { start_seq: from, end_seq: before, limit: AT_ONCE }, signal);
    if (found.records.length >= limit || from === 0 || found.more) break;
    width *= 4;
  }
  for (let turn = 0; turn < READ_ON && Number(found.next) < before && found.records.length > 0; turn += 1) {
    const { records } = found;
    const more = await scan(selection, { start_seq: found.next, end_seq: before, limit: AT_ONCE }, signal);
    if (more.records.length === 0 && !more.more) break;
    found = { ...more, records: [...records, ...more.records].slice(-limit), trimmedBefore: found.trimmedBefore };
  }
  return { ...found, records: found.records.slice(-limit), more: found.more && found.records.length === 0 };
}

/** How many records a key has. */
export async function counted(bytes, signal) {
  const answer = await call("api/v1/log/count", { query: named("key", bytes), token: token(), signal });
  return answer.count ?? 0;
}
