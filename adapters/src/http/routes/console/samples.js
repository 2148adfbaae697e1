// Looks at the metrics every two seconds while the page can be seen, and keeps those of the last minutes.

import { useEffect, useState } from "./html.js";
import { send } from "./api.js";
import { buckets, samplesOf, sum } from "./metrics.js";
import { between, quantile, rate } from "./rates.js";
import * as session from "./session.js";

const EVERY_MS = 2_000;
/** Five minutes. */
const KEPT = 150;
/** Percentiles are of so many looks. */
const WINDOW = 8;

const APPEND = "/api/v1/log/append";
const READS = ["/api/v1/log/scan", "/api/v1/log/keys", "/api/v1/log/count"];
const DURATION = "http_request_duration_seconds";

let looks = [];
let state = { points: [], now: null, error: null };
let timer = null;
const listeners = new Set();

function set(change) {
  state = { ...state, ...change };
  for (const listener of listeners) listener(state);
}

/** What is kept of a look. */
function look(text) {
  const samples = samplesOf(text);
  const value = (name, labels) => sum(samples, name, labels);
  return {
    at: Date.now() / 1000,
    appended: value("log_append_records_total"), appendedBytes: value("log_append_bytes_total"),
    scanned: value("log_records_scanned_total"),
    appends: buckets(samples, DURATION, { endpoint: APPEND }),
    reads: READS.map((endpoint) => buckets(samples, DURATION, { endpoint })).reduce(added, []),
    tip: value("log_tip_sequence"), durable: value("log_durable_sequence"), floor: value("log_floor_sequence"),
    lagSeconds: value("log_durable_lag_seconds"), lagRecords: value("log_durable_lag_records"),
    readerLag: value("log_reader_lag_seconds"),
    queueRequests: value("log_append_queue_requests"), queueBytes: value("log_append_queue_bytes"),
    inFlight: value("http_requests_in_flight"), followers: value("log_followers"), cursors: value("log_cursors"),
    segments: value("log_segments"), activeSegment: value("log_active_segment"), stored: value("log_stored_bytes"),
    memory: value("process_resident_memory_bytes"), started: value("process_start_time_seconds"),
    ready: value("log_ready"), fenced: value("log_fenced"), writeFailure: value("log_write_failure_seconds"),
  };
}

function added(one, other) {
  const sums = new Map(one);
  for (const [bound, count] of other) sums.set(bound, (sums.get(bound) ?? 0) + count);
  return [...sums].sort(([a], [b]) => a - b);
}

/** What charts show of a look, given those before. */
function point(now, before, windowStart) {
  const seconds = before ? now.at - before.at : 0;
  const of = (name) => (before ? rate(before[name], now[name], seconds) : null);
  const counts = (name) => between(windowStart?.[name] ?? now[name], now[name]);
  const appends = counts("appends");
  return {
    at: now.at, appended: of("appended"), appendedBytes: of("appendedBytes"), scanned: of("scanned"),
    p50: quantile(appends, 0.5), p95: quantile(appends, 0.95), p99: quantile(appends, 0.99), reads: quantile(counts("reads"), 0.99),
    lagSeconds: now.lagSeconds, lagRecords: now.lagRecords, queueRequests: now.queueRequests, queueBytes: now.queueBytes,
    inFlight: now.inFlight,
  };
}

async function lookNow() {
  timer = null;
  if (document.hidden || listeners.size === 0 || !session.can("read")) return;
  try {
    const answer = await send("-/metrics", { token: session.token(), accept: "text/plain", patience: 10_000 });
    const now = look(await answer.text());
    // A restarted server counts from nothing.
    const restarted = looks.length > 0 && now.started !== looks.at(-1).started;
    looks = [...(restarted ? [] : looks), now].slice(-WINDOW);
    const made = point(now, looks.at(-2), looks[0]);
    set({ points: [...state.points, made].slice(-KEPT), now, error: null });
  } catch (error) {
    if (error.status === 401 || error.status === 403) session.refresh();
    set({ error });
  }
  schedule();
}

function schedule(after = EVERY_MS) {
  if (timer === null) timer = setTimeout(lookNow, after);
}

document.addEventListener("visibilitychange", () => schedule(0));

/** Forgets what was seen with another token. */
export function forget() {
  looks = [];
  set({ points: [], now: null, error: null });
  schedule(0);
}

/** The last looks: `points` for charts, the newest one whole as `now`, and the error of the last attempt. */
export function useSamples() {
  const [seen, setSeen] = useState(state);
  useEffect(() => {
    setSeen(state);
    listeners.add(setSeen);
    schedule(0);
    return () => listeners.delete(setSeen);
  }, []);
  return seen;
}

export { KEPT, EVERY_MS };
