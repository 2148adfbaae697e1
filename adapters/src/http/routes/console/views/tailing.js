// Follows a stream: reconnects where it was, keeps the newest records only, and draws at most ten times a second.

import { useEffect, useMemo, useState } from "../html.js";
import { parsed } from "../json.js";
import { paramsOf, read, record, tip } from "../scans.js";
import { refresh, token } from "../session.js";
import { follow } from "../sse.js";

/** So many records are kept, and at most so many bytes of their values. */
export const KEPT = 500;
const KEPT_BYTES = 32 * 1024 * 1024;
const DRAWN_EVERY_MS = 100;
const COME_BACK_MS = [500, 1_000, 2_000, 5_000];
/** What a client cannot mend by asking again. */
const FINAL = new Set(["invalid_argument", "unauthenticated", "permission_denied", "not_found", "too_large"]);

const EMPTY = { state: "connecting", records: [], received: 0, dropped: 0, error: null, next: null, perSecond: 0, trimmed: null };

class Tail {
  #selection;
  #start;
  #show;
  #seen = { ...EMPTY };
  #bytes = 0;
  #leaving = null;
  #timer = null;
  #idle = null;
  #since = performance.now();
  #counted = 0;

  constructor(selection, start, show) {
    this.#selection = selection;
    this.#start = start;
    this.#show = show;
  }

  #change(change) {
    this.#seen = { ...this.#seen, ...change };
    this.#timer ??= setTimeout(() => this.#draw(), DRAWN_EVERY_MS);
  }

  #draw() {
    clearTimeout(this.#timer);
    clearTimeout(this.#idle);
    this.#timer = null;
    const seconds = (performance.now() - this.#since) / 1000;
    if (seconds >= 1) {
      this.#seen.perSecond = (this.#seen.received - this.#counted) / seconds;
      this.#since = performance.now();
      this.#counted = this.#seen.received;
    }
    // So that the rate falls to nothing when nothing comes.
    if (this.#seen.perSecond > 0 || this.#seen.received > this.#counted) this.#idle = setTimeout(() => this.#draw(), 1_000);
    this.#show({ ...this.#seen });
  }

  /** Adds records, and drops the oldest beyond what is kept. */
  #add(records, next) {
    const all = [...this.#seen.records, ...records];
    for (const { value } of records) this.#bytes += value.length;
    let drop = Math.max(0, all.length - KEPT);
    for (let at = 0; at < drop; at += 1) this.#bytes -= all[at].value.length;
    while (this.#bytes > KEPT_BYTES && drop < all.length - 1) {
      this.#bytes -= all[drop].value.length;
      drop += 1;
    }
    const { received, dropped } = this.#seen;
    this.#change({ records: all.slice(drop), received: received + records.length, dropped: dropped + drop, next });
  }

  /** The first sequence to follow from, when nothing was read yet. */
  async #begin(signal) {
    if (this.#start === "all") return 0;
    if (this.#start === "last" && this.#selection.kind === "key") {
      const page = await read(this.#selection, {}, 50, signal);
      this.#add(page.records, page.next);
      return page.next;
    }
    const end = await tip(this.#selection, signal);
    return this.#start === "recent" ? Math.max(0, Number(end) - 100) : end;
  }

  #events(events) {
    const records = [];
    for (const event of events) {
      const data = parsed(event.data);
      if (event.type === "message") records.push(record(data));
      else if (event.type === "trimmed") this.#change({ trimmed: data.trimmedBefore });
    }
    if (records.length > 0) this.#add(records, after(records.at(-1).sequence));
  }

  async run() {
    this.#leaving?.abort();
    const leaving = new AbortController();
    this.#leaving = leaving;
    const { signal } = leaving;
    this.#change({ state: "connecting", error: null });
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        const next = this.#seen.next ?? (await this.#begin(signal));
        this.#change({ next });
        await follow("api/v1/log/stream", { ...paramsOf(this.#selection), start_seq: next }, {
          token: token(), signal,
          onOpen: () => {
            attempt = 0;
            this.#change({ state: "live", error: null });
          },
          onEvents: (events) => signal.aborted || this.#events(events),
        });
        // The server ends streams when it stops.
        this.#change({ state: "waiting" });
      } catch (error) {
        if (signal.aborted) return;
        if (FINAL.has(error.code)) {
          this.#change({ state: "ended", error });
          if (error.code === "unauthenticated") refresh();
          return;
        }
        this.#change({ state: "waiting", error });
      }
      await pause(COME_BACK_MS[Math.min(attempt, COME_BACK_MS.length - 1)], signal);
    }
  }

  stop(state) {
    this.#leaving?.abort();
    if (state) this.#change({ state, error: null });
    else {
      clearTimeout(this.#timer);
      clearTimeout(this.#idle);
    }
  }

  clear() {
    this.#bytes = 0;
    this.#change({ records: [], dropped: 0 });
  }

  /** Goes on from the end of the log. */
  skip() {
    this.#start = "now";
    this.#change({ next: null });
    this.run();
  }
}

/** The sequence after one, exactly. */
const after = (sequence) => (typeof sequence === "string" ? String(BigInt(sequence) + 1n) : sequence + 1);

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}

/** Follows `selection` for as long as the view is shown. */
export function useTail(selection, start) {
  const [seen, setSeen] = useState(EMPTY);
  const tail = useMemo(() => new Tail(selection, start, setSeen), []);
  useEffect(() => {
    tail.run();
    return () => tail.stop();
  }, []);
  return {
    ...seen,
    pause: () => tail.stop("paused"),
    resume: () => tail.run(),
    clear: () => tail.clear(),
    skip: () => tail.skip(),
  };
}
