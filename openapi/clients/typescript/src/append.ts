/** Appends: what is sent, and what is known of what became of it. */

import { APPENDED, PARTS, partsOf, type Shape } from "./answers.js";
import type { Appended, AppendPart } from "./appended.js";
import * as check from "./arguments.js";
import type { RecordToAppend } from "./arguments.js";
import { encode } from "./base64.js";
import { Body } from "./body.js";
import { type CursorMove, moves } from "./cursors.js";
import { Delivery, Elsewhere } from "./exactly_once.js";
import type { components } from "./generated/schema.js";
import { sentOnce } from "./outcome.js";
import { type About, about } from "./partitions.js";
import type { Producers, Producing } from "./producers.js";
import { attempted } from "./retry.js";
import type { Seen } from "./seen.js";
import type { Target } from "./target.js";

/** What is demanded of an append, and what can end it. */
export interface Appending {
  /** Ends it: it throws the signal's reason. (An append that was sent throws `OutcomeUnknown`.) */
  readonly signal?: AbortSignal | undefined;
  /**
   * Keys, each with a sequence: the records are applied only if none of the keys has a record with this sequence or a higher one (0: it
   * has no record). Otherwise it throws `Conflict`.
   */
  readonly ifNoRecordSince?: Iterable<readonly [key: Uint8Array, sequence: number]> | undefined;
  /** Cursors that are moved in the same commit, each from where it is expected. Otherwise it throws `Conflict`, and nothing is applied. */
  readonly cursors?: Iterable<CursorMove> | undefined;
}

type Request = components["schemas"]["AppendRequest"];
type Response = components["schemas"]["AppendResponse"];

const PATH = "/api/v1/log/append";

/** The appends to one server: as those of producers, or without. */
export class Appends {
  readonly #target: Target;
  readonly #request: string;
  readonly #producers: Producers | undefined;
  readonly #seen: Seen;

  constructor(target: Target, producers: Producers | undefined, seen: Seen) {
    this.#target = target;
    this.#seen = seen;
    this.#request = `POST ${target.url}${PATH}`;
    this.#producers = producers;
  }

  async append(records: Iterable<RecordToAppend>, awaitDurable: boolean, options: Appending): Promise<Appended> {
    const { body, of } = requested(records, awaitDurable, options);
    const { signal } = options;
    const text = JSON.stringify(body);
    const { retry, cluster } = this.#target;
    if (this.#producers === undefined) {
      return this.#remembered(await attempted(retry, signal, () => this.#once(body, text, of, signal)), of, awaitDurable);
    }
    const asked = { records: body.records.length, awaitDurable, signal };
    const appended = await this.#producers.during(of, signal, async (turn) => {
      for (;;) {
        const { producer } = turn;
        const send = (): Promise<Appended> => this.#once(body, `${text.slice(0, -1)},"producer":${named(producer)}}`, of, signal);
        try {
          const done = await new Delivery(retry, producer, asked).run(producer, send, () => cluster.isElsewhere(producer.about, of));
          producer.about = of;
          return done;
        } catch (error) {
          if (!(error instanceof Elsewhere)) throw error;
          turn.exchange(of);
        }
      }
    });
    return this.#remembered(appended, of, awaitDurable);
  }

  async appendSplit(records: Iterable<RecordToAppend>, awaitDurable: boolean, options: Appending): Promise<AppendPart[]> {
    const { body, of } = requested(records, awaitDurable, options);
    const { signal } = options;
    body.atomic = false;
    const text = JSON.stringify(body);
    const { retry, cluster } = this.#target;
    const parts = partsOf(await attempted(retry, signal, () => this.#sent(body, text, of, signal, PARTS)));
    if (awaitDurable) {
      // Sequences are those of a partition, so it has to be known whether there are several.
      if (!cluster.isKnown) await cluster.learn();
      if (cluster.hasPartitions || parts.length === 1) {
        for (const { partition, start, count } of parts) this.#seen.advance((start ?? 0) + count, { partition });
      }
    }
    return parts;
  }

  #remembered(appended: Appended, of: About, awaitDurable: boolean): Appended {
    if (awaitDurable && appended.start !== undefined) this.#seen.advance(appended.start + appended.count, of);
    return appended;
  }

  async #once(body: Request, text: string, of: About, signal: AbortSignal | undefined): Promise<Appended> {
    const { startSequence, recordsAppended, duplicate } = await this.#sent(body, text, of, signal, {});
    return { start: startSequence, count: recordsAppended, duplicate: duplicate === true };
  }

  async #sent(body: Request, text: string, of: About, signal: AbortSignal | undefined, shape: Shape): Promise<Response> {
    const { api, url, cluster, retry, deadline } = this.#target;
    let sent = new Body(text);
    const command = { what: "append", request: this.#request, url, retry, mayHaveBeenSent: () => sent.mayHaveBeenSent };
    return sentOnce(command, { ...APPENDED, ...shape }, () => cluster.ask(of, (baseUrl) => {
      sent = new Body(text);
      return api.POST(PATH, { body, baseUrl, bodySerializer: () => sent.content, signal: deadline(signal), ...sent.options });
    }));
  }
}

/** The request for an append, whose arguments are checked, and what it is about. */
function requested(records: Iterable<RecordToAppend>, awaitDurable: boolean, options: Appending): { body: Request; of: About } {
  check.flag("awaitDurable", awaitDurable);
  check.known("options", options, ["signal", "ifNoRecordSince", "cursors"]);
  check.signal(options.signal);
  const checked = check.records(records);
  const body: Request = { records: checked.map(encoded), awaitDurable };
  const preconditions = check.preconditions(options.ifNoRecordSince);
  if (preconditions.length > 0) {
    body.preconditions = preconditions.map(([key, noRecordSince]) => ({ key: encode(key), noRecordSince }));
  }
  const cursors = moves(options.cursors);
  if (cursors.length > 0) body.cursors = cursors;
  options.signal?.throwIfAborted();
  // Unless it is split, all of it must be in one partition.
  const [name] = [...checked.slice(0, 1).map(({ key }) => key), ...preconditions.slice(0, 1).map(([key]) => key), ...cursors.map((move) => move.name)];
  return { body, of: name === undefined ? {} : about(name) };
}

/** A producer as it travels. */
function named({ id, epoch, sequence }: Producing): string {
  return JSON.stringify({ id, epoch, sequence } satisfies components["schemas"]["Producer"]);
}

/** A record as it travels. */
function encoded({ key, value, headers }: check.CheckedRecord): components["schemas"]["Record"] {
  const record = { key: encode(key), value: encode(value) };
  if (headers.length === 0) return record;
  return { ...record, headers: headers.map((header) => ({ name: header.name, value: encode(header.value) })) };
}
