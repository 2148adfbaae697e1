/**
 * Reads orders, one a line: an append of a value of so many bytes, in so many attempts. Prints what became of each. Without a
 * producer, as clients that are generated: what is unknown is said in place of asking again.
 */

import { createInterface } from "node:readline";

import { LogClient, LogError } from "./index.js";

interface Order {
  readonly url: string;
  readonly token: string;
  readonly bytes: number;
  readonly attempts: number;
}

const key = new TextEncoder().encode("orders");
const clients = new Map<string, LogClient>();

for await (const line of createInterface({ input: process.stdin })) {
  const { url, token, bytes, attempts } = JSON.parse(line) as Order;
  const name = JSON.stringify([url, token, attempts]);
  const settings = { producer: false, retry: { attempts }, ...(token === "" ? {} : { token }) };
  const client = clients.get(name) ?? new LogClient(url, settings);
  clients.set(name, client);
  const outcome = await client.append([{ key, value: new Uint8Array(bytes) }]).then(
    () => ["Appended", null, ""],
    (error: unknown) => {
      if (error instanceof LogError) return [error.name, error.status ?? null, error.message];
      throw error;
    });
  console.log(JSON.stringify(outcome));
}
