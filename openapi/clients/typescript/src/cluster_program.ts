/**
 * Uses a cluster as the tests tell it to, `node cluster_program.js URL`: reads orders, one a line, each of which is a list of keys or a prefix, and prints
 * what became of it. The client is the same for all orders.
 */

import { createInterface } from "node:readline";

import { Conflict, LogClient, partitionOf, type Position } from "./index.js";

interface Use {
  readonly keys: readonly string[];
  readonly partitions: number;
}

interface Read {
  readonly prefix: string;
  readonly positions: readonly Position[];
  readonly page: number;
}

const log = new LogClient(process.argv[2] ?? "http://localhost:8080");

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of source) found.push(each);
  return found;
}

/** Everything that can be done with a key that has no records yet. */
async function use(name: string, partitions: number): Promise<unknown> {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const key = bytes(name);
  const partition = await partitionOf(key, partitions);
  await log.append([[key, bytes("0")]]);
  const { start = 0 } = await log.append([[key, bytes("1")]], true);
  await all(log.appendMany([[[key, bytes("2")] as const], [[key, bytes("3")] as const]]));
  const scanned = (await all(log.scan(key))).length;
  const tailed = (await all(log.tail(key, { end: start + 1 }))).length + 2;
  const [first] = (await all(log.scan({ keys: [key] }, {}, 2))).map((record) => record.sequence);
  const count = await log.count(key);
  const { position } = await log.moveCursor(name, 1);
  const deleted = await log.deleteCursor(name);
  const [listed] = await all(log.keys(key, 1000, { partition }));
  const segments = await log.segments({ partition });
  const cursors = await all(log.cursors(name, { partition }));
  const floor = await log.deleteKey(key);
  const known = [
    listed?.join() === key.join(), segments.length > 0, deleted, first !== undefined && first < floor, cursors.length === 0,
    (await log.last(key, 1)).records.length === 0, await isSplit(key, partition),
  ];
  return [scanned, tailed, count, position, known.every((each) => each)];
}

/** Whether an append that is split by partition is told of in parts, both if it is applied and if not. */
async function isSplit(key: Uint8Array, partition: number): Promise<boolean> {
  // All of it is in one partition, so that no node has to pass on a part.
  const value = new TextEncoder().encode("4");
  const records = [[key, value], [key, value]] as const;
  const [part, ...others] = await log.appendSplit(records, true);
  const isThere = others.length === 0 && part?.outcome === "applied" && part.partition === partition && part.count === 2 && part.start !== undefined;
  try {
    await log.appendSplit(records, false, { ifNoRecordSince: [[key, 0]] });
    return false;
  } catch (error) {
    return isThere && error instanceof Conflict && error.parts[0]?.outcome === "refused" && error.parts[0].code === "conflict";
  }
}

/** What all keys with a prefix have, from these positions on, and where it ends. */
async function read({ prefix, positions, page }: Read): Promise<unknown> {
  const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
  const values: Record<string, string[]> = {};
  let reached = positions;
  for await (const found of log.scanUnordered(new TextEncoder().encode(prefix), { positions }, page)) {
    for (const { key, value } of found.records) (values[text(key)] ??= []).push(text(value));
    reached = found.positions;
  }
  return { values, positions: reached };
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Use | Read;
  if ("prefix" in order) {
    console.log(JSON.stringify(await read(order)));
    continue;
  }
  const seen: unknown[] = [];
  for (const key of order.keys) seen.push(await use(key, order.partitions));
  console.log(JSON.stringify(seen));
}
