/** Reads orders, one a line: a stream of appends to make over a session. Prints what became of it. See `openapi/tests/test_append_many.py`. */

import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { LogClient, LogError } from "./index.js";

interface Order {
  readonly url: string;
  readonly appends?: number;
  readonly records?: number;
  readonly durable?: boolean;
  readonly producer?: boolean;
  readonly bad?: number;
  readonly stop?: number;
  readonly pause?: number;
  readonly outstanding?: number;
  readonly attempts?: number;
  /** In seconds. */
  readonly patience?: number;
  readonly timeout?: number;
  /** The length of each value. */
  readonly bytes?: number;
  /** Before this append, the input pauses for so many seconds. */
  readonly pause_at?: readonly [number, number];
  /** Before each append, the input waits for the outcomes of all before it. */
  readonly waits?: boolean;
  /** So many streams, one after another. */
  readonly calls?: number;
}

/** An input waits for outcomes for so long at most. */
const HELD_MS = 5000;

type Records = (readonly [Uint8Array, Uint8Array])[];

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function appendMany(order: Order): Promise<unknown> {
  const { url, appends = Infinity, records = 1, durable, producer, bad, stop = -1, pause, outstanding, calls = 1 } = order;
  const retry = { attempts: order.attempts ?? 100, pauseMs: 50, patienceMs: (order.patience ?? 300) * 1000 };
  const log = new LogClient(url, { retry, timeoutMs: (order.timeout ?? 60) * 1000, ...(producer === undefined ? {} : { producer }) });
  let [taken, count, most, next, gaps, held] = [0, 0, 0, 0, 0, 0];
  function* made(): Generator<Records> {
    for (let number = 0; number < appends; number += 1) {
      taken += 1;
      // The server refuses so long a key.
      const key = bytes("k".repeat(number === bad ? 10_000 : 1));
      const value = (each: number): Uint8Array => bytes(String(number * records + each).padStart(order.bytes ?? 0, "0"));
      yield Array.from({ length: records }, (_, each) => [key, value(each)] as const);
    }
  }
  async function* pausing(): AsyncGenerator<Records> {
    let number = 0;
    for (const each of made()) {
      if (order.pause_at?.[0] === number) await sleep(order.pause_at[1] * 1000);
      const until = performance.now() + HELD_MS;
      while (order.waits && count < number && performance.now() < until) await sleep(2);
      if (order.waits && count < number) held += 1;
      yield each;
      number += 1;
    }
  }
  const told = { error: null as string | null, unknown: false, told: "" };
  try {
    for (let call = 0; call < calls; call += 1) {
      const last = count + stop;
      const input = order.pause_at !== undefined || order.waits ? pausing() : made();
      for await (const appended of log.appendMany(input, durable, { outstanding })) {
        const start = appended.start ?? next;
        if (start !== next || appended.count !== records) gaps += 1;
        next = start + records;
        count += 1;
        most = Math.max(most, taken - count);
        if (count === last) break;
        if (pause !== undefined) await sleep(pause);
      }
    }
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    Object.assign(told, { error: error.name, unknown: error.isUnknownOutcome, told: error.message });
  }
  return { ...told, count, most, gaps, held };
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await appendMany(JSON.parse(line) as Order)));
