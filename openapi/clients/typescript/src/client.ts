/** The client: what is generated, with bytes for base64, errors as exceptions, pages, following and retries. */

import createClient, { type Client } from "openapi-fetch";

import { DeadlineExceeded, errorOf, LogError, OutcomeUnknown, Unavailable, UnexpectedAnswer } from "./errors.js";
import type { components, paths } from "./generated/schema.js";
import { decode, encode, type LogRecord, record } from "./records.js";
import { tail } from "./tail.js";

/** How often and how long a client tries. */
export interface Retry {
  /** Requests for one call at most. */
  readonly attempts: number;
  /** Milliseconds before the second one at least, doubled each time; the server may say more. */
  readonly pauseMs: number;
  /** A `Retry-After` beyond this is not waited for. */
  readonly longestPauseMs: number;
}

export interface Options {
  /** One of the server's token file. */
  readonly token?: string;
  readonly retry?: Partial<Retry>;
  /** Ends a request without an answer after this long; 60 s if it is not given. */
  readonly timeoutMs?: number;
}

/** Sequences from `start` up to, not including, `end`. */
export interface Range {
  readonly start?: number;
  readonly end?: number;
}

/** The sequences `start` to `start + count - 1` were given to the records, in their order. */
export interface Appended {
  readonly start: number;
  readonly count: number;
}

type Answer<T> = { data?: T; error?: unknown; response: Response };
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
    this.#retry = { attempts: 5, pauseMs: 200, longestPauseMs: 10_000, ...options.retry };
    this.#timeoutMs = options.timeoutMs ?? 60_000;
  }

  /**
   * Appends pairs of key and value, whole or not at all.
   *
   * It is sent again only when the server said that nothing was applied. Where that is not certain this throws
   * `OutcomeUnknown`.
   */
  async append(records: Iterable<readonly [Uint8Array, Uint8Array]>, awaitDurable = false): Promise<Appended> {
    const pairs = Array.from(records, ([key, value]) => ({ key: encode(key), value: encode(value) }));
    const body = { records: pairs, awaitDurable };
    const done = await this.#try(async () => {
      let answer;
      try {
        answer = await this.#api.POST("/api/v1/log/append", { body, signal: this.#deadline() });
      } catch (cause) {
        throw new OutcomeUnknown(`there was no answer to the append: ${cause}`, { cause });
      }
      try {
        return answered(answer);
      } catch (error) {
        if (!(error instanceof DeadlineExceeded || error instanceof UnexpectedAnswer)) throw error;
        throw new OutcomeUnknown(error.message, { status: error.status, requestId: error.requestId, cause: error });
      }
    });
    return { start: done.startSequence, count: done.recordsAppended };
  }

  /** The records of `key` in a range, read page by page. */
  async *scan(key: Uint8Array, { start = 0, end }: Range = {}, page = 1000): AsyncGenerator<LogRecord> {
    for (;;) {
      const answer = await this.#scan(key, start, end, page, 0);
      if (answer.values.length === 0) return;
      yield* answer.values.map(record);
      start = answer.nextSequence;
    }
  }

  /** The next records of `key` as soon as there are any, or none after `waitMs`; and where to go on. */
  async followOnce(
    key: Uint8Array, start: number, waitMs = 30_000, limit = 1000,
  ): Promise<{ records: LogRecord[]; nextSequence: number }> {
    const answer = await this.#scan(key, start, undefined, limit, waitMs);
    return { records: answer.values.map(record), nextSequence: answer.nextSequence };
  }

  /**
   * The records of `key`, each as it arrives, for ever or up to the range's end.
   *
   * A connection that breaks is made anew, and goes on exactly after the last record that came.
   */
  tail(key: Uint8Array, { start = 0, end }: Range = {}): AsyncGenerator<LogRecord> {
    const isOver = async (position: number): Promise<boolean> => {
      const answer = await this.#scan(key, position, end, 1, 0);
      return end !== undefined && answer.values.length === 0 && answer.nextSequence >= end;
    };
    return tail({ url: this.#url, headers: this.#headers, retry: this.#retry, isOver }, key, start, end);
  }

  /** How many records `key` has in a range of sequences. */
  async count(key: Uint8Array, { start = 0, end }: Range = {}): Promise<number> {
    const query = { key_base64: encode(key), start_seq: start, ...(end === undefined ? {} : { end_seq: end }) };
    const answer = await this.#read(() => this.#api.GET("/api/v1/log/count", { params: { query }, signal: this.#deadline() }));
    return answer.count;
  }

  /** The distinct keys that begin with `prefix`, in byte order, read page by page. */
  async *keys(prefix: Uint8Array = new Uint8Array(), limit = 1000): AsyncGenerator<Uint8Array> {
    let after: string | undefined;
    do {
      const from = after === undefined ? {} : { start_after_base64: after };
      const query = { prefix_base64: encode(prefix), limit, ...from };
      const answer = await this.#read(() => this.#api.GET("/api/v1/log/keys", { params: { query }, signal: this.#deadline() }));
      yield* answer.keys.map((found) => decode(found.key));
      after = answer.nextStartAfter;
    } while (after !== undefined);
  }

  /** The segments that overlap a range of sequences. */
  async segments({ start = 0, end }: Range = {}): Promise<components["schemas"]["Segment"][]> {
    const query = { start_seq: start, ...(end === undefined ? {} : { end_seq: end }) };
    const answer = await this.#read(() => this.#api.GET("/api/v1/log/segments", { params: { query }, signal: this.#deadline() }));
    return answer.segments;
  }

  #scan(key: Uint8Array, start: number, end: number | undefined, limit: number, waitMs: number): Promise<Page> {
    const query = {
      key_base64: encode(key), start_seq: start, limit, follow: waitMs > 0, timeout_ms: waitMs,
      ...(end === undefined ? {} : { end_seq: end }),
    };
    const signal = () => AbortSignal.timeout(this.#timeoutMs + waitMs);
    return this.#read(() => this.#api.GET("/api/v1/log/scan", { params: { query }, signal: signal() }));
  }

  #deadline(): AbortSignal {
    return AbortSignal.timeout(this.#timeoutMs);
  }

  #read<T>(send: () => Promise<Answer<T>>): Promise<T> {
    const retryAfterMs = this.#retry.pauseMs;
    return this.#try(async () => {
      let answer;
      try {
        answer = await send();
      } catch (cause) {
        if (cause instanceof SyntaxError) throw new UnexpectedAnswer(`an answer that no log server gives: ${cause}`, { cause });
        throw new Unavailable(`there was no answer: ${cause}`, { retryAfterMs, cause });
      }
      try {
        return answered(answer);
      } catch (error) {
        if (!(error instanceof DeadlineExceeded)) throw error;
        const { status, requestId } = error;
        throw new DeadlineExceeded(error.message, { status, requestId, retryAfterMs, cause: error });
      }
    });
  }

  /** Sends until it is done, it is of no use to send again, or there were enough attempts. */
  async #try<T>(send: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await send();
      } catch (error) {
        const wait = error instanceof LogError ? error.retryAfterMs : undefined;
        if (wait === undefined || wait > this.#retry.longestPauseMs || attempt >= this.#retry.attempts) throw error;
        const pause = Math.max(wait, this.#retry.pauseMs * 2 ** (attempt - 1));
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }
}

function answered<T>(answer: Answer<T>): T {
  if (answer.data !== undefined) return answer.data;
  throw errorOf(answer.error, answer.response.headers, answer.response.status);
}
