/** Consumers: the records of a key, or of several, from where a cursor is, and the cursor moved once they are processed. */

import type { Appended } from "./appended.js";
import type { RecordToAppend } from "./arguments.js";
import type { CursorMove } from "./cursors.js";
import type { LogRecord } from "./records.js";

/** One wait for records is no longer than this; then another one follows. */
const WAIT_MS = 30_000;

/** What a consumer needs of a client. */
export interface Consuming {
  next(start: number, waitMs: number): Promise<{ records: LogRecord[]; nextSequence: number }>;
  move(position: number, expected: number): Promise<unknown>;
  append(results: Iterable<RecordToAppend>, awaitDurable: boolean, move: Omit<CursorMove, "name">): Promise<Appended>;
}

/**
 * Batches of records of a key, or of several, from where a cursor is, without an end; from `LogClient.consume`.
 *
 * Commit after each batch: with `commit` a batch that was processed and not committed is read again by the next consumer (at least once),
 * with `append` its results are appended in the same commit as the cursor moves (exactly once). If another consumer has moved the cursor,
 * both throw `Conflict` and change nothing: stop, or begin again with `LogClient.consume`. With `autoCommit`, each batch is committed before the
 * next one is read (at least once).
 */
export class Consumer {
  readonly #client: Consuming;
  readonly #autoCommit: boolean;
  #committed: number;
  #reached: number;

  constructor(client: Consuming, position: number, autoCommit: boolean) {
    this.#client = client;
    this.#autoCommit = autoCommit;
    this.#committed = position;
    this.#reached = position;
  }

  /** Where the cursor is, as far as this consumer knows. */
  get committed(): number {
    return this.#committed;
  }

  /** Each batch has at least one record. A batch that the loop is left in is not committed by `autoCommit`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<LogRecord[]> {
    for (;;) {
      const { records, nextSequence } = await this.#client.next(this.#reached, WAIT_MS);
      this.#reached = nextSequence;
      if (records.length === 0) continue;
      yield records;
      if (this.#autoCommit) await this.commit();
    }
  }

  /** Moves the cursor behind all that was handed out. It resolves when that is durable. */
  async commit(): Promise<void> {
    const reached = this.#reached;
    if (reached === this.#committed) return;
    await this.#client.move(reached, this.#committed);
    this.#committed = reached;
  }

  /** Appends results and moves the cursor behind all that was handed out: both or nothing. */
  async append(results: Iterable<RecordToAppend>, awaitDurable = false): Promise<Appended> {
    const reached = this.#reached;
    const appended = await this.#client.append(results, awaitDurable, { position: reached, expected: this.#committed });
    this.#committed = reached;
    return appended;
  }
}
