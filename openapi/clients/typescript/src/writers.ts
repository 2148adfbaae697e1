/**
 * Reads orders, one a line: appends that begin one after another and run beside one another. Prints what became of each, as a list.
 * A client is made when it is named for the first time.
 */

import { createInterface } from "node:readline";

import { AppendsLost, Conflict, LogClient, LogError, type Producer } from "./index.js";

interface Settings {
  readonly url: string;
  readonly producer?: boolean | Producer;
  readonly concurrent?: number;
  readonly attempts: number;
  readonly pause: number;
  readonly patience: number;
}

interface Order {
  readonly client: string;
  readonly settings: Settings;
  readonly key: string;
  readonly values: readonly string[];
  readonly durable?: boolean;
  readonly since?: readonly (readonly [string, number])[];
  readonly cancelAfter?: number;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);
const clients = new Map<string, LogClient>();

function client({ client: name, settings }: Order): LogClient {
  const { url, producer, concurrent, attempts, pause, patience } = settings;
  const retry = { attempts, pauseMs: pause * 1000, longestPauseMs: Math.max(pause, 1) * 1000, patienceMs: patience * 1000 };
  const named = {
    ...(producer === undefined ? {} : { producer }), ...(concurrent === undefined ? {} : { concurrentAppends: concurrent }),
  };
  const found = clients.get(name) ?? new LogClient(url, { retry, ...named });
  clients.set(name, found);
  return found;
}

async function outcome(order: Order): Promise<unknown> {
  try {
    const { key, values, durable, since, cancelAfter } = order;
    const { start, count, duplicate } = await client(order).append(values.map((value) => [bytes(key), bytes(value)]), durable, {
      ...(since === undefined ? {} : { ifNoRecordSince: since.map(([of, sequence]) => [bytes(of), sequence] as const) }),
      ...(cancelAfter === undefined ? {} : { signal: AbortSignal.timeout(cancelAfter * 1000) }),
    });
    return { outcome: "Appended", start: start ?? null, count, duplicate };
  } catch (error) {
    if (error instanceof DOMException) return { outcome: "Cancelled" };
    if (!(error instanceof LogError)) throw error;
    const told = { outcome: error.name, unknown: error.isUnknownOutcome, status: error.status ?? null, told: error.message };
    if (error instanceof Conflict) {
      return { ...told, key: text(error.key), last: error.lastSequence ?? null, trimmed: error.trimmedBefore ?? null };
    }
    if (error instanceof AppendsLost) return { ...told, requests: error.requests, starts: error.appended.map(({ start }) => start) };
    return told;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const orders = JSON.parse(line) as Order[];
  console.log(JSON.stringify(await Promise.all(orders.map(outcome))));
}
