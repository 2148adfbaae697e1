/** The client: what is generated, with bytes for base64, errors as exceptions, pages, following and retries. */

import createClient, { type Client } from "openapi-fetch";

import { type Answer, answered, COUNTED, fits, KEYS, PAGE, SEGMENTS, type Shape, TRIMMED, UNORDERED } from "./answers.js";
import { type Appending, Appends } from "./append.js";
import { appendMany, type AppendingMany } from "./append_many.js";
import type { Appended, AppendPart } from "./appended.js";
import * as check from "./arguments.js";
import type { RecordToAppend } from "./arguments.js";
import { encode } from "./base64.js";
import { Cluster } from "./cluster.js";
import { Commands, type Deletion, type Trimming } from "./commands.js";
import { Consumer } from "./consumer.js";
import { type Cursor, Cursors, type Moving } from "./cursors.js";
import { Behind, DeadlineExceeded, Unavailable, UnexpectedAnswer } from "./errors.js";
import type { components, paths } from "./generated/schema.js";
import { reason } from "./network.js";
import type { Consumption, Options } from "./options.js";
import { type About, about } from "./partitions.js";
import { type Producers, producersOf } from "./producers.js";
import {
  asked, type Asked, type Knowing, knowing, type Noticing, ofPartition, type OfPartition, type Range, RANGE, type Reading, type Scanned, sequences, type Stoppable, stoppable,
} from "./reading.js";
import { decode, type LogRecord, record } from "./records.js";
import { attempted, Connections, pause, type Retry, retryOf } from "./retry.js";
import { Seen, SHOWN_WITHIN_MS } from "./seen.js";
import { aboutSelection, kept, type Selection } from "./selection.js";
import { SESSION } from "./session.js";
import { type Rest, tail } from "./tail.js";
import type { AppendsToMake } from "./taking.js";
import { Notice, tell, withoutNotices } from "./trimmed.js";
import * as unordered from "./unordered.js";

/** Records, and where to continue. */
export interface Page {
  readonly records: LogRecord[];
  readonly nextSequence: number;
  /** If records that were to be read had been trimmed: the floor, the first sequence that can still be there. */
  readonly trimmedBefore?: number;
  /** If the server ended the page because it took too long: there may be more records, also if it has none. */
  readonly more?: true;
}

/** One request waits no longer than this: servers and what is in between end longer ones. Then another one follows. */
const LONGEST_WAIT_MS = 60_000;

/** A client of one server. Wrong arguments are a `TypeError` or `RangeError`, before anything is sent. */
export class LogClient {
  readonly #api: Client<paths, "application/json">;
  readonly #appends: Appends;
  readonly #commands: Commands;
  readonly #cursors: Cursors;
  readonly #cluster: Cluster;
  readonly #seen: Seen;
  readonly #retry: Retry;
  readonly #timeoutMs: number;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #producers: Producers | undefined;

  constructor(url: string, options: Options = {}) {
    check.known("options", options, ["token", "retry", "timeoutMs", "producer", "concurrentAppends", "readYourWrites", "cluster"]);
    const token = check.token(options.token);
    this.#url = check.url(url);
    this.#headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    this.#api = createClient<paths, "application/json">({ baseUrl: this.#url, headers: this.#headers });
    this.#retry = retryOf(options.retry);
    this.#cluster = new Cluster(this.#url, this.#headers, options.cluster);
    this.#seen = new Seen(options.readYourWrites ?? true, this.#cluster);
    this.#timeoutMs = check.timer("timeoutMs", options.timeoutMs ?? 60_000, 1);
    const deadline = (signal: AbortSignal | undefined): AbortSignal => this.#deadline(signal);
    const target = { api: this.#api, url: this.#url, cluster: this.#cluster, retry: this.#retry, deadline };
    this.#producers = producersOf(options.producer, options.concurrentAppends, this.#cluster);
    this.#appends = new Appends(target, this.#producers, this.#seen);
    this.#commands = new Commands(target);
    this.#cursors = new Cursors(target);
  }

  /**
   * What this client has appended or read, and no crash can undo, is below this sequence: its later reads show at least that much.
   *
   * To have another client or process see as much, give this to its `remember`, or to one of its reads as `atLeast`. A read that waited for it
   * for too long is sent again as other reads are, and then throws `Behind`. In a cluster, sequences count per partition, and this is 0.
   */
  get atLeast(): number {
    return this.#seen.below;
  }

  /** From now on, reads of this client show at least everything below this sequence: the `atLeast` of another client. */
  remember(atLeast: number): void {
    this.#seen.advance(check.whole("atLeast", atLeast));
  }

  /**
   * Appends records, each as `{ key, value }` or as the pair of them, and perhaps with headers, whole or not at all, and exactly once.
   *
   * What was certainly not applied is sent again up to `attempts` times. What may have been applied is sent again for `patienceMs`: the
   * server applies it once. Only then this throws `OutcomeUnknown`.
   */
  async append(records: Iterable<RecordToAppend>, awaitDurable = false, options: Appending = {}): Promise<Appended> {
    return this.#appends.append(records, awaitDurable, options);
  }

  /**
   * Appends records of any partitions of a cluster; the server splits them, and each part is applied whole or not at all. It has no producer, so
   * what may have been applied is not sent again: `OutcomeUnknown`. If only some parts were applied, it throws `PartlyApplied`; both have `parts`.
   */
  async appendSplit(records: Iterable<RecordToAppend>, awaitDurable = false, options: Appending = {}): Promise<AppendPart[]> {
    return this.#appends.appendSplit(records, awaitDurable, options);
  }

  /**
   * Appends what an iterable gives: each item is an append of its own, as for `append`, and has an outcome of its own, in the same order.
   *
   * For many small appends at the highest rate: they are sent on one request, an append session, without waiting for answers. Appends are
   * taken while outcomes are asked for, and only as long as few have no outcome yet (`outstanding`, `outstandingBytes`). What is demanded holds
   * for each of them. It needs Node.js.
   *
   * They are applied once and in their order: all of them have a producer of their own, which does not depend on other appends of this client.
   * When a session breaks, another one is opened, and everything without an outcome is sent again, for up to `patienceMs`; then `start` may be
   * undefined for appends that had been applied. A server that opens no session at all is given up after `attempts`.
   *
   * It ends with the error of an append, which is thrown at its place. Nothing behind an append that was refused is applied. If its outcome is
   * unknown, those behind it may have been applied, too: the message says how many. With `producer: false`, so may those behind one that was
   * refused, and when a session breaks, this throws `OutcomeUnknown`. With a named producer, other appends of this client wait until it ends. A
   * read-only server has no sessions: `NotWriter`. In a cluster, an append of another partition than that of the first one is refused.
   */
  appendMany(appends: AppendsToMake, awaitDurable = false, options: AppendingMany = {}): AsyncGenerator<Appended> {
    const place = {
      url: this.#url, cluster: this.#cluster, headers: this.#headers, retry: this.#retry, timeoutMs: this.#timeoutMs,
      request: `POST ${this.#url}${SESSION}`,
    };
    return appendMany(place, this.#producers, this.#seen, appends, awaitDurable, options);
  }

  /**
   * The records of `key`, read page by page. With `{ keys }` or `{ prefix }` in place of a key, those of several keys are read in one order,
   * each with its `key`.
   */
  scan(key: Selection, reading: Reading = {}, page = 1000): AsyncGenerator<LogRecord> {
    const pages = this.#pages(asked(key, reading), aboutSelection(key, reading.partition), check.whole("page", page, 1), reading.signal);
    return withoutNotices(pages, key, reading.onTrimmed);
  }

  async *#pages(query: Asked, of: About, limit: number, signal: AbortSignal | undefined): AsyncGenerator<LogRecord | Notice> {
    for (let start = query.start_seq; ;) {
      const page = await this.#scan({ ...query, start_seq: start }, of, limit, signal);
      if (page.trimmedBefore !== undefined) yield new Notice(page.trimmedBefore);
      if (page.records.length === 0 && !page.more) return;
      yield* page.records;
      start = page.nextSequence;
    }
  }

  /**
   * The records of all keys that begin with `prefix`, of all partitions of a cluster, page by page, to the end of each partition: those of a partition
   * in their order, and in no order between partitions.
   *
   * It begins at `positions`, and at the start of the partitions that have none. They are the `positions` of the last page that was processed: a client that
   * keeps them sees each record once, across restarts, and while partitions move. With `partition`, or a prefix with a whole tag, that partition alone is
   * read. A log that is not clustered has partition 0 alone.
   */
  scanUnordered(prefix: Uint8Array, reading: unordered.UnorderedReading = {}, page = 1000): AsyncGenerator<unordered.UnorderedPage> {
    const request = unordered.request(prefix, reading, page);
    return this.#unordered(request, aboutSelection({ prefix }, reading.partition), ofPartition(reading.partition), reading.signal);
  }

  async *#unordered(
    body: components["schemas"]["ScanRequest"], of: About, query: { partition?: number }, signal: AbortSignal | undefined,
  ): AsyncGenerator<unordered.UnorderedPage> {
    const path = "/api/v1/log/scan";
    const request = `POST ${this.#url}${path}`;
    for (;;) {
      const answer = await this.#read(
        { request, about: of, atLeast: 0 }, UNORDERED, signal,
        (signal, baseUrl) => this.#api.POST(path, { params: { query }, body, baseUrl, signal }));
      const page = unordered.told(answer, request);
      yield page;
      if (answer.more !== true) return;
      body = { ...body, positions: page.positions };
    }
  }

  /**
   * The last `count` records of `key`, in order; and where a tail continues. With `startTimeMs`, only those from the first one on that was
   * appended at that time or later. The server limits a page (to 10,000 records and 8 MiB by default): of more, the newest come. If
   * reading them takes too long, too: then the page says so with `more`.
   */
  async last(
    key: Uint8Array, count: number, options: Pick<Reading, "signal" | "startTimeMs" | "visibility" | "atLeast"> = {},
  ): Promise<Page> {
    check.known("options", options, ["signal", "startTimeMs", "visibility", "atLeast"]);
    const { start_seq: _, ...query } = asked(key, options);
    return this.#page({ ...query, last: check.whole("count", count, 1) }, aboutSelection(key, undefined), options.signal);
  }

  /**
   * The next records of `key` as soon as there are any, or none after `waitMs`; and where to continue. A long wait takes several
   * requests. If records from `start` on had been trimmed, the page says so: `trimmedBefore`.
   */
  async followOnce(
    key: Selection, start = 0, waitMs = 30_000, limit = 1000,
    options: Pick<Reading, "signal" | "visibility" | "atLeast" | "partition"> = {},
  ): Promise<Page> {
    check.known("options", options, ["signal", "visibility", "atLeast", "partition"]);
    const query = asked(key, { ...options, start });
    const of = aboutSelection(key, options.partition);
    const end = performance.now() + check.whole("waitMs", waitMs);
    check.whole("limit", limit, 1);
    let trimmed: Pick<Page, "trimmedBefore"> = {};
    for (let from = start; ;) {
      const began = performance.now();
      const wait = Math.max(0, Math.min(Math.ceil(end - began), LONGEST_WAIT_MS));
      const page = await this.#scan({ ...query, start_seq: from }, of, limit, options.signal, wait);
      const left = end - performance.now();
      if (page.trimmedBefore !== undefined) trimmed = { trimmedBefore: page.trimmedBefore };
      // A timer may be early by a millisecond. What is there already is read whatever the wait.
      if (page.records.length > 0 || (left < 2 && !page.more)) return { ...page, ...trimmed };
      from = page.nextSequence;
      // A server that stops answers at once.
      await pause(Math.max(0, Math.min(left, began + this.#retry.pauseMs - performance.now())), options.signal);
    }
  }

  /**
   * The records of `key`, each as it arrives, without an end or up to the end that is given.
   *
   * A connection that breaks is made anew, and continues exactly after the last record that came. It ends with an error when the
   * server has not answered for `patienceMs` of `Retry`. `onTrimmed` is called also when a trim overtakes it.
   */
  tail(key: Selection, reading: Reading = {}): AsyncGenerator<LogRecord> {
    const query = asked(key, reading);
    const { end, signal } = reading;
    const of = aboutSelection(key, reading.partition);
    const rest = async (last: number | undefined): Promise<Rest> => {
      if (end === undefined) return { isOver: false };
      const page = await this.#scan(last === undefined ? query : { ...query, start_seq: last + 1 }, of, 1, signal);
      return { isOver: page.records.length === 0 && page.nextSequence >= end, trimmedBefore: page.trimmedBefore };
    };
    const path = "/api/v1/log/stream";
    const { atLeast, ...fixed } = query;
    const url = (server: string): string => {
      const all = Object.entries({ ...fixed, ...this.#seen.atLeast(atLeast, of) });
      return `${server}${path}?${new URLSearchParams(all.flatMap(([name, value]) => [value].flat().map((each) => [name, String(each)])))}`;
    };
    const seen = (sequence: number, headers: Headers): void => {
      if (reading.visibility === "durable") this.#seen.advance(sequence + 1, of);
      else this.#seen.read(sequence + 1, headers, of);
    };
    const source = { url, cluster: this.#cluster, about: of, request: this.#request(path), headers: this.#headers, signal, rest, seen };
    return withoutNotices(tail(source, new Connections(this.#retry)), key, reading.onTrimmed);
  }

  /** How many records `key` has in a range of sequences. Those that were trimmed do not count: `onTrimmed` tells of them. */
  async count(key: Uint8Array, range: Range & Stoppable & Noticing & Knowing = {}): Promise<number> {
    check.known("options", range, [...RANGE, "atLeast", "signal", "onTrimmed"]);
    const { atLeast } = knowing(range.atLeast);
    const fixed = { key_base64: encode(check.bytes("key", key)), ...sequences(range) };
    const of = about(key);
    const query = (): typeof fixed & { at_least?: number } => ({ ...fixed, ...this.#seen.atLeast(atLeast, of) });
    check.signal(range.signal);
    check.listener("onTrimmed", range.onTrimmed);
    const path = "/api/v1/log/count";
    const request = this.#request(path);
    const answer = await this.#read(
      { request, about: of, atLeast }, COUNTED, range.signal,
      (signal, baseUrl) => this.#api.GET(path, { params: { query: query() }, baseUrl, signal }));
    const trimmedBefore = floor(answer, request);
    if (trimmedBefore !== undefined) await tell({ key, before: trimmedBefore }, range.onTrimmed);
    return answer.count;
  }

  /** The distinct keys that begin with `prefix`, in byte order, read page by page. */
  keys(prefix: Uint8Array = new Uint8Array(), limit = 1000, options: Stoppable & Knowing & OfPartition = {}): AsyncGenerator<Uint8Array> {
    check.known("options", options, ["atLeast", "partition", "signal"]);
    check.signal(options.signal);
    const of = ofPartition(options.partition);
    const query = { prefix_base64: encode(check.bytes("prefix", prefix)), limit: check.whole("limit", limit, 1), ...of };
    return this.#keys(query, of, knowing(options.atLeast).atLeast, options.signal);
  }

  async *#keys(
    query: { prefix_base64: string; limit: number; start_after_base64?: string; partition?: number }, of: About,
    atLeast: number | undefined, signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> {
    const path = "/api/v1/log/keys";
    const request = this.#request(path);
    for (;;) {
      const answer = await this.#read(
        { request, about: of, atLeast }, KEYS, signal,
        (signal, baseUrl) => this.#api.GET(path, { params: { query: { ...query, ...this.#seen.atLeast(atLeast, of) } }, baseUrl, signal }));
      yield* answer.keys.map((found) => decode(found.key, request));
      if (answer.nextStartAfter === undefined) return;
      query = { ...query, start_after_base64: answer.nextStartAfter };
    }
  }

  /** The segments that overlap a range of sequences. */
  async segments(range: Range & Stoppable & OfPartition = {}): Promise<components["schemas"]["Segment"][]> {
    check.known("options", range, [...RANGE, "partition", "signal"]);
    check.signal(range.signal);
    const of = ofPartition(range.partition);
    const query = { ...sequences(range), ...of };
    const path = "/api/v1/log/segments";
    const answer = await this.#read(
      { request: this.#request(path), about: of, atLeast: 0 }, SEGMENTS, range.signal,
      (signal, baseUrl) => this.#api.GET(path, { params: { query }, baseUrl, signal }));
    return answer.segments;
  }

  /**
   * Trims the log: removes the records of all keys below `sequence` from every read. The right `admin` is needed. It returns the floor of
   * the log: `sequence`, or a higher one that an earlier trim has set.
   *
   * A trim whose outcome is unknown is sent again, up to `attempts` times: a floor is never lowered. Only then, and when its signal ends it
   * after it was sent, this throws `OutcomeUnknown`; call it again.
   */
  async trimBefore(sequence: number, options: Trimming = {}): Promise<number> {
    return this.#commands.trimBefore(sequence, options);
  }

  /**
   * Trims the log by time: removes the oldest whole segments that have no record of `timeMs` (Unix ms) or later. It returns the floor of the
   * log; the rest is as for `trimBefore`.
   */
  async trimBeforeTime(timeMs: number, options: Trimming = {}): Promise<number> {
    return this.#commands.trimBeforeTime(timeMs, options);
  }

  /**
   * Deletes the records of `key` with sequences below `beforeSeq`, or all that it has, from every read. The right `admin` is needed. It
   * returns the floor of the key, the first sequence that a record of it can still have. The server removes the records from storage later.
   *
   * With `beforeSeq`, a deletion whose outcome is unknown is sent again, up to `attempts` times. Without it, this throws `OutcomeUnknown` at
   * once, as the same request would also delete what was appended meanwhile; call it again if that may go, too.
   */
  async deleteKey(key: Uint8Array, options: Deletion = {}): Promise<number> {
    return this.#commands.deleteKey(key, options);
  }

  /** The cursor of this name; undefined if there is none. */
  async cursor(name: string, options: Stoppable = {}): Promise<Cursor | undefined> {
    return this.#cursors.get(name, stoppable(options));
  }

  /** The cursors whose names begin with `prefix`, in byte order, read page by page. */
  cursors(prefix = "", options: Stoppable & OfPartition = {}): AsyncGenerator<Cursor> {
    if (typeof prefix !== "string") throw new TypeError("prefix must be a string");
    check.known("options", options, ["partition", "signal"]);
    check.signal(options.signal);
    return this.#cursors.list(prefix, ofPartition(options.partition), options.signal);
  }

  /**
   * Moves a cursor, forward or back, or creates it. It resolves when that is durable. The right `append` is needed.
   *
   * With `expected`, it is moved only if it is there; one that does not exist is at 0. Otherwise this throws `Conflict`. To move it together
   * with results, give `append` the option `cursors`.
   */
  async moveCursor(name: string, position: number, options: Moving = {}): Promise<Cursor> {
    return this.#cursors.put(name, position, options);
  }

  /** Deletes a cursor. It resolves, when that is durable, to whether there was one. The right `append` is needed. */
  async deleteCursor(name: string, options: Stoppable = {}): Promise<boolean> {
    return this.#cursors.delete(name, stoppable(options));
  }

  /**
   * Batches of up to `limit` records of `key`, from where the cursor is; from the beginning if there is none:
   *
   *     const consumer = await client.consume(key, "orders-projection");
   *     for await (const batch of consumer) {
   *       await process(batch);
   *       await consumer.commit();
   *     }
   *
   * With `{ keys }` or `{ prefix }` in place of a key, the records of several keys come in one order, each with its `key`. With `autoCommit`,
   * each batch is committed when the next one is asked for.
   */
  async consume(key: Selection, cursor: string, limit = 1000, options: Consumption = {}): Promise<Consumer> {
    check.known("options", options, ["signal", "autoCommit", "visibility", "partition"]);
    check.signal(options.signal);
    const { signal, autoCommit = false, visibility = "memory", partition } = options;
    ofPartition(partition);
    check.oneOf("visibility", visibility, ["memory", "durable"]);
    const selection = kept(key);
    check.flag("autoCommit", autoCommit);
    check.whole("limit", limit, 1);
    const found = await this.#cursors.get(cursor, signal);
    return new Consumer({
      next: (start, waitMs) => this.followOnce(selection, start, waitMs, limit, { signal, visibility, partition }),
      move: (position, expected) => this.#cursors.put(cursor, position, { expected, signal }),
      append: (results, awaitDurable, move) =>
        this.append(results, awaitDurable, { signal, cursors: [{ name: cursor, ...move }] }),
    }, found?.position ?? 0, autoCommit);
  }

  async #scan(query: Asked, of: About, limit: number, signal: AbortSignal | undefined, waitMs = 0): Promise<Page> {
    return this.#page({ ...query, limit, follow: waitMs > 0 }, of, signal, waitMs);
  }

  async #page(
    { atLeast, ...asked }: Omit<Scanned, "at_least" | "timeout_ms"> & { atLeast?: number }, of: About, signal: AbortSignal | undefined,
    waitMs = 0,
  ): Promise<Page> {
    const path = "/api/v1/log/scan";
    const request = this.#request(path);
    const query = (): Scanned => {
      const known = this.#seen.atLeast(atLeast, of);
      const timeout_ms = waitMs === 0 && known.at_least !== undefined ? SHOWN_WITHIN_MS : waitMs;
      return { ...asked, ...known, timeout_ms };
    };
    const { answer, headers } = await this.#readWithHeaders(
      { request, about: of, atLeast }, PAGE, signal,
      (signal, baseUrl) => this.#api.GET(path, { params: { query: query() }, baseUrl, signal }), waitMs);
    const records = answer.values.map((value) => record(value, request));
    const trimmedBefore = floor(answer, request);
    this.#seen.read(answer.nextSequence, headers, of);
    return {
      records,
      nextSequence: answer.nextSequence,
      ...(trimmedBefore === undefined ? {} : { trimmedBefore }),
      ...(answer.more === true ? { more: true as const } : {}),
    };
  }

  #request(path: string): string {
    return `GET ${this.#url}${path}`;
  }

  #deadline(signal: AbortSignal | undefined, waitMs = 0): AbortSignal {
    const deadline = AbortSignal.timeout(Math.min(this.#timeoutMs + waitMs, check.LONGEST_TIMER_MS));
    return signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  }

  #unavailable(told: string, request: string, cause: unknown): Unavailable {
    return new Unavailable(`${told}: ${reason(cause)}`, { retryAfterMs: this.#retry.pauseMs, request, cause });
  }

  async #read<T>(
    read: Read, shape: Shape, signal: AbortSignal | undefined, send: (signal: AbortSignal, baseUrl: string) => Promise<Answer<T>>,
  ): Promise<T> {
    return (await this.#readWithHeaders(read, shape, signal, send)).answer;
  }

  #readWithHeaders<T>(
    { request, about, atLeast }: Read, shape: Shape, signal: AbortSignal | undefined,
    send: (signal: AbortSignal, baseUrl: string) => Promise<Answer<T>>, waitMs = 0,
  ): Promise<{ answer: T; headers: Headers }> {
    return attempted(this.#retry, signal, async () => {
      let answer;
      try {
        answer = await this.#cluster.ask(about, (baseUrl) => send(this.#deadline(signal, waitMs), baseUrl));
      } catch (cause) {
        signal?.throwIfAborted();
        if (cause instanceof SyntaxError) {
          throw new UnexpectedAnswer(`an answer that no log server gives: ${reason(cause)}`, { request, cause });
        }
        throw this.#unavailable("there was no answer", request, cause);
      }
      try {
        return { answer: answered(answer, shape, request), headers: answer.response.headers };
      } catch (error) {
        if (error instanceof Behind && this.#seen.mayBeElsewhere(atLeast, about)) await this.#cluster.learn();
        if (!(error instanceof DeadlineExceeded)) throw error;
        const { told, status, requestId } = error;
        throw new DeadlineExceeded(told, { status, requestId, request, retryAfterMs: this.#retry.pauseMs, cause: error });
      }
    });
  }
}

/** A read. */
interface Read {
  /** What errors call it. */
  readonly request: string;
  readonly about: About;
  /** What the caller asked to be shown. */
  readonly atLeast?: number | undefined;
}

/** The floor in an answer, if it has one. */
function floor(answer: { trimmedBefore?: number }, request: string): number | undefined {
  if (answer.trimmedBefore !== undefined && !fits(answer, TRIMMED)) {
    throw new UnexpectedAnswer("an answer that no log server gives: trimmedBefore is no number", { request });
  }
  return answer.trimmedBefore;
}
