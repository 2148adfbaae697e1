/**
 * The little program that every client runs against a live server: `node program.js URL REFUSING_URL`. It prints what it sees.
 * At the second URL every request ends in another error. In a cluster, TAG is what its keys begin with, and PARTITION the partition of that tag.
 */

import { InvalidArgument, LogClient, LogError, TooLarge } from "./index.js";
import type { LogRecord } from "./index.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");
const say = (what: string, seen: unknown): void => console.log(JSON.stringify({ [what]: seen }));

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of source) found.push(each);
  return found;
}

async function errorOf(doing: Promise<unknown>): Promise<LogError> {
  const error = await doing.then(() => new Error("it was not refused"), (refused: unknown) => refused);
  if (error instanceof LogError) return error;
  throw error;
}

const client = new LogClient(process.argv[2] ?? "http://localhost:8080");
const tag = process.env.TAG ?? "";
const options = process.env.PARTITION === undefined ? {} : { partition: Number(process.env.PARTITION) };
const key = Uint8Array.of(...bytes(tag), 0, 255, 10, 128);
const other = bytes(`${tag}other`);
const sequences = (records: LogRecord[]): number[] => records.map((record) => record.sequence);

const five = [0, 1, 2, 3, 4].map((number) => [key, Uint8Array.of(0, number)] as const);
const appended = await client.append(five, true);
say("appended", [appended.start, appended.count]);
await client.append([[other, bytes("")]]);
await client.append([[key, Uint8Array.of(255, ...bytes(" last"))]]);

say("scanned", (await all(client.scan(key, {}, 2))).map((record) => [record.sequence, hex(record.value)]));
say("part", sequences(await all(client.scan(key, { start: 1, end: 4 }))));
const last = await client.last(key, 2);
say("last", [sequences(last.records), last.nextSequence]);
say("count", await client.count(key));
say("keys", (await all(client.keys(new Uint8Array(), 1, options))).map(hex));
say("prefix", (await all(client.keys(bytes(`${tag}oth`), 1000, options))).map(hex));
say("segments", (await client.segments(options)).map((segment) => segment.startSeq));

const vain = await client.followOnce(key, 7, 50);
say("followed in vain", [vain.records, vain.nextSequence]);
const following = client.followOnce(key, 7);
setTimeout(() => void client.append([[key, bytes("late")]]), 300);
const followed = await following;
say("followed", [followed.records.map((record) => hex(record.value)), followed.nextSequence]);
say("tailed", sequences(await all(client.tail(key, { end: 8 }))));

const consumer = await client.consume({ prefix: bytes(tag) }, `${tag}program`);
for await (const batch of consumer) {
  await consumer.commit();
  const consumed = batch.map((record) => [record.sequence, hex(record.key ?? new Uint8Array())]);
  say("consumed", [consumed, (await client.cursor(`${tag}program`))?.position]);
  break;
}

const empty = await errorOf(client.append([[bytes(""), bytes("")]]));
const large = await errorOf(client.append([[new Uint8Array(9000), bytes("")]]));
say("typed", [empty instanceof InvalidArgument, large instanceof TooLarge]);
const began = Date.now();
say("status", (await errorOf(all(client.scan(bytes(""))))).status);
say("not sent again", Date.now() - began < 2500);

const refused = new LogClient(process.argv[3] ?? "http://localhost:8081", { retry: { attempts: 1 }, producer: false });
const shown = (error: LogError): unknown[] => [error.name, error.status ?? null];
const reads: unknown[] = [];
for (let each = 0; each < 20; each += 1) reads.push(shown(await errorOf(refused.count(key))));
say("errors", reads);
const appends: unknown[] = [];
for (let each = 0; each < 2; each += 1) appends.push(shown(await errorOf(refused.append([[key, key]]))));
say("appends", appends);
