/** The client: what is generated, with bytes for base64, errors as exceptions, pages, following and retries. */

import createClient, { type Client } from "openapi-fetch";

import { type Answer, answered, APPENDED, COUNTED, KEYS, PAGE, SEGMENTS, type Shape, wasNotSent } from "./answers.js";
import { DeadlineExceeded, LogError, OutcomeUnknown, Unavailable, UnexpectedAnswer } from "./errors.js";
import type { components, paths } from "./generated/schema.js";
import { decode, encode, type LogRecord, record } from "./records.js";
import { Connections, pause, pauseAfter, RETRY, type Retry } from "./retry.js";
import { tail } from "./tail.js";

export interface Options {
  /** One of the server's token file. */
  readonly token?: string;
  readonly retry?: Partial<Retry>;
  /** Ends a request without an answer after this long; 60 s if it is not given. */
  readonly timeoutMs?: number;
}

/** Sequences from `start` up to, not including, `end`. */
export interface Range {
  readonly start?: number | undefined;
  readonly end?: number | undefined;
}

/** What can be ended: it throws the signal's reason. (An append that was sent throws `OutcomeUnknown`.) */
export interface Stoppable {
  readonly signal?: AbortSignal | undefined;
}

/** Which records are read. */
export interface Reading extends Range, Stoppable {
  /** Records before the first one that was appended at or after this time (Unix ms) are skipped. */
  readonly startTimeMs?: number | undefined;
  /** `memory`, all that was applied, if it is not given; with `durable` only what is on object storage. */
  readonly visibility?: "memory" | "durable" | undefined;
}

/** The sequences `start` to `start + count - 1` were given to the records, in their order. */
export interface Appended {
  readonly start: number;
  readonly count: number;
}

type Page = components["schemas"]["ScanResponse"];

/** A client of one server. */
export class LogClient {
  readonly #api: Client<paths, "application/json">;
  readonly #retry: Retry;
  readonly #timeoutMs: number;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, options: Options = {}) {
    this.#url = url.replace(/\/+$/, "");
    this.#headers = options.token === undefined ? {} : { Authorization: `Bearer ${options.token}` };
    this.#api = createClient<paths, "application/json">({ baseUrl: this.#url, headers: this.#headers });
    this.#retry = { ...RETRY, ...options.retry };
    this.#timeoutMs = options.timeoutMs ?? 60_000;
  }

  /**
   * Appends pairs of key and value, whole or not at all.
   *
   * It is sent again only when it is certain that nothing was applied. Otherwise this throws `OutcomeUnknown`.
   */
  async append(
    records: Iterable<readonly [Uint8Array, Uint8Array]>, awaitDurable = false, { signal }: Stoppable = {},
  ): Promise<Appended> {
    const pairs = Array.from(records, ([key, value]) => ({ key: encode(key), value: encode(value) }));
    const body = { records: pairs, awaitDurable };
    const done = await this.#try(signal, async () => {
      let answer;
      try {
        answer = await this.#api.POST("/api/v1/log/append", { body, signal: this.#deadline(signal) });
      } catch (cause) {
        if (wasNotSent(cause)) throw this.#unreachable(cause);
        throw new OutcomeUnknown(`there was no answer to the append: ${cause}`, { cause });
      }
      try {
        return answered(answer, APPENDED);
      } catch (error) {
        if (!(error instanceof DeadlineExceeded || error instanceof UnexpectedAnswer)) throw error;
        throw new OutcomeUnknown(error.message, { status: error.status, requestId: error.requestId, cause: error });
      }
    });
    return { start: done.startSequence, count: done.recordsAppended };
  }

  /** The records of `key`, read page by page. */
  async *scan(key: Uint8Array, reading: Reading = {}, page = 1000): AsyncGenerator<LogRecord> {
    let start = reading.start ?? 0;
    for (;;) {
      const answer = await this.#scan(key, { ...reading, start }, page);
      if (answer.values.length === 0) return;
      yield* answer.values.map(record);
      start = answer.nextSequence;
    }
  }

  /** The next records of `key` as soon as there are any, or none after `waitMs`; and where to go on. */
  async followOnce(
    key: Uint8Array, start: number, waitMs = 30_000, limit = 1000, options: Pick<Reading, "signal" | "visibility"> = {},
  ): Promise<{ records: LogRecord[]; nextSequence: number }> {
    const answer = await this.#scan(key, { ...options, start }, limit, waitMs);
    return { records: answer.values.map(record), nextSequence: answer.nextSequence };
  }

  /**
   * The records of `key`, each as it arrives, for ever or up to the end that is given.
   *
   * A connection that breaks is made anew, and goes on exactly after the last record that came. It ends with an error when the
   * server has not answered for `patienceMs` of `Retry`.
   */
  tail(key: Uint8Array, reading: Reading = {}): AsyncGenerator<LogRecord> {
    const { start = 0, end, signal } = reading;
    const isOver = async (last: number | undefined): Promise<boolean> => {
      if (end === undefined) return false;
      const answer = await this.#scan(key, { ...reading, start: last === undefined ? start : last + 1 }, 1);
      return answer.values.length === 0 && answer.nextSequence >= end;
    };
    const query = Object.entries(asked(key, reading)).map(([name, value]) => [name, String(value)]);
    const url = `${this.#url}/api/v1/log/stream?${new URLSearchParams(query)}`;
    return tail({ url, headers: this.#headers, signal, isOver }, new Connections(this.#retry));
  }

  /** How many records `key` has in a range of sequences. */
  async count(key: Uint8Array, { start, end, signal }: Range & Stoppable = {}): Promise<number> {
    const query = asked(key, { start, end });
    const answer = await this.#read(
      COUNTED, signal, (signal) => this.#api.GET("/api/v1/log/count", { params: { query }, signal }));
    return answer.count;
  }

  /** The distinct keys that begin with `prefix`, in byte order, read page by page. */
  async *keys(prefix: Uint8Array = new Uint8Array(), limit = 1000, { signal }: Stoppable = {}): AsyncGenerator<Uint8Array> {
    let after: string | undefined;
    do {
      const from = after === undefined ? {} : { start_after_base64: after };
      const query = { prefix_base64: encode(prefix), limit, ...from };
      const answer = await this.#read(
        KEYS, signal, (signal) => this.#api.GET("/api/v1/log/keys", { params: { query }, signal }));
      yield* answer.keys.map((found) => decode(found.key));
      after = answer.nextStartAfter;
    } while (after !== undefined);
  }

  /** The segments that overlap a range of sequences. */
  async segments({ start = 0, end, signal }: Range & Stoppable = {}): Promise<components["schemas"]["Segment"][]> {
    const query = { start_seq: start, ...(end === undefined ? {} : { end_seq: end }) };
    const answer = await this.#read(
      SEGMENTS, signal, (signal) => this.#api.GET("/api/v1/log/segments", { params: { query }, signal }));
    return answer.segments;
  }

  #scan(key: Uint8Array, reading: Reading, limit: number, waitMs = 0): Promise<Page> {
    const query = { ...asked(key, reading), limit, follow: waitMs > 0, timeout_ms: waitMs };
    return this.#read(
      PAGE, reading.signal, (signal) => this.#api.GET("/api/v1/log/scan", { params: { query }, signal }), waitMs);
  }

  #deadline(signal: AbortSignal | undefined, waitMs = 0): AbortSignal {
    const deadline = AbortSignal.timeout(this.#timeoutMs + waitMs);
    return signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  }

  #unreachable(cause: unknown): Unavailable {
    return new Unavailable(`there was no answer: ${cause}`, { retryAfterMs: this.#retry.pauseMs, cause });
  }

  #read<T>(
    shape: Shape, signal: AbortSignal | undefined, send: (signal: AbortSignal) => Promise<Answer<T>>, waitMs = 0,
  ): Promise<T> {
    return this.#try(signal, async () => {
      let answer;
      try {
        answer = await send(this.#deadline(signal, waitMs));
      } catch (cause) {
        signal?.throwIfAborted();
        if (cause instanceof SyntaxError) throw new UnexpectedAnswer(`an answer that no log server gives: ${cause}`, { cause });
        throw this.#unreachable(cause);
      }
      try {
        return answered(answer, shape);
      } catch (error) {
        if (!(error instanceof DeadlineExceeded)) throw error;
        const { status, requestId } = error;
        throw new DeadlineExceeded(error.message, { status, requestId, retryAfterMs: this.#retry.pauseMs, cause: error });
      }
    });
  }

  /** Sends until it is done, it is of no use to send again, or there were enough attempts. */
  async #try<T>(signal: AbortSignal | undefined, send: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      signal?.throwIfAborted();
      try {
        return await send();
      } catch (error) {
        const wait = error instanceof LogError ? error.retryAfterMs : undefined;
        if (wait === undefined || wait > this.#retry.longestPauseMs || attempt >= this.#retry.attempts) throw error;
        await pause(Math.max(wait, pauseAfter(this.#retry, attempt)), signal);
      }
    }
  }
}

/** The parameters of what reads the records of a key. */
function asked(key: Uint8Array, { start = 0, end, startTimeMs, visibility }: Reading) {
  return {
    key_base64: encode(key),
    start_seq: start,
    ...(end === undefined ? {} : { end_seq: end }),
    ...(startTimeMs === undefined ? {} : { start_time_ms: startTimeMs }),
    ...(visibility === undefined ? {} : { visibility }),
  };
}
