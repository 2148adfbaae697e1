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
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function appendMany({ url, appends = Infinity, records = 1, durable, producer, bad, stop, pause, outstanding }: Order): Promise<unknown> {
  const retry = { attempts: 100, pauseMs: 50 };
  const log = new LogClient(url, { retry, ...(producer === undefined ? {} : { producer }) });
  let [taken, count, most, next, gaps] = [0, 0, 0, 0, 0];
  function* made(): Generator<(readonly [Uint8Array, Uint8Array])[]> {
    for (let number = 0; number < appends; number += 1) {
      taken += 1;
      // The server refuses so long a key.
      const key = bytes("k".repeat(number === bad ? 10_000 : 1));
      yield Array.from({ length: records }, (_, each) => [key, bytes(String(number * records + each))] as const);
    }
  }
  const told = { error: null as string | null, unknown: false, told: "" };
  try {
    for await (const appended of log.appendMany(made(), durable, { outstanding })) {
      const start = appended.start ?? next;
      if (start !== next || appended.count !== records) gaps += 1;
      next = start + records;
      count += 1;
      most = Math.max(most, taken - count);
      if (count === stop) break;
      if (pause !== undefined) await sleep(pause);
    }
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    Object.assign(told, { error: error.name, unknown: error.isUnknownOutcome, told: error.message });
  }
  return { ...told, count, most, gaps };
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await appendMany(JSON.parse(line) as Order)));
