/** Appends: what is sent, and what is known of what became of it. */

import type { Client } from "openapi-fetch";

import { answered, APPENDED, NOT_APPLIED, REFUSED_ON_THE_WAY } from "./answers.js";
import type { Appended } from "./appended.js";
import * as check from "./arguments.js";
import type { RecordToAppend } from "./arguments.js";
import { encode } from "./base64.js";
import { Body } from "./body.js";
import { DeadlineExceeded, OutcomeUnknown, Unavailable, UnexpectedAnswer } from "./errors.js";
import { Delivery } from "./exactly_once.js";
import type { components, paths } from "./generated/schema.js";
import { reason, wasNotSent, wasNotSentWhole } from "./network.js";
import type { Producers, Producing } from "./producers.js";
import { attempted, type Retry } from "./retry.js";

/** What is demanded of an append, and what can end it. */
export interface Appending {
  /** Ends it: it throws the signal's reason. (An append that was sent throws `OutcomeUnknown`.) */
  readonly signal?: AbortSignal | undefined;
  /**
   * Keys, each with a sequence: the records are applied only if none of the keys has a record with this sequence or a higher one (0: it
   * has no record). Otherwise it throws `Conflict`.
   */
  readonly ifNoRecordSince?: Iterable<readonly [key: Uint8Array, sequence: number]> | undefined;
}

/** Where appends go. */
export interface Target {
  readonly api: Client<paths, "application/json">;
  readonly url: string;
  readonly retry: Retry;
  /** Ends an attempt without an answer, and when the signal says so. */
  readonly deadline: (signal: AbortSignal | undefined) => AbortSignal;
}

type Request = components["schemas"]["AppendRequest"];

const PATH = "/api/v1/log/append";

/** The appends to one server: as those of producers, or without. */
export class Appends {
  readonly #target: Target;
  readonly #request: string;
  readonly #producers: Producers | undefined;

  constructor(target: Target, producers: Producers | undefined) {
    this.#target = target;
    this.#request = `POST ${target.url}${PATH}`;
    this.#producers = producers;
  }

  async append(records: Iterable<RecordToAppend>, awaitDurable: boolean, options: Appending): Promise<Appended> {
    check.flag("awaitDurable", awaitDurable);
    check.known("options", options, ["signal", "ifNoRecordSince"]);
    check.signal(options.signal);
    const { signal } = options;
    const body: Request = { records: check.records(records).map(encoded), awaitDurable };
    const preconditions = check.preconditions(options.ifNoRecordSince);
    if (preconditions.length > 0) {
      body.preconditions = preconditions.map(([key, noRecordSince]) => ({ key: encode(key), noRecordSince }));
    }
    const text = JSON.stringify(body);
    signal?.throwIfAborted();
    const { retry } = this.#target;
    if (this.#producers === undefined) {
      return attempted(retry, signal, () => this.#once(body, text, signal));
    }
    const asked = { records: body.records.length, awaitDurable, signal };
    return this.#producers.during(signal, (producer) => {
      const send = (): Promise<Appended> => this.#once(body, `${text.slice(0, -1)},"producer":${of(producer)}}`, signal);
      return new Delivery(retry, producer, asked).run(send);
    });
  }

  async #once(body: Request, text: string, signal: AbortSignal | undefined): Promise<Appended> {
    const { api, url, retry, deadline } = this.#target;
    const request = this.#request;
    const unavailable = (told: string, cause: unknown): Unavailable =>
      new Unavailable(`${told}: ${reason(cause)}`, { retryAfterMs: retry.pauseMs, request, cause });
    const sent = new Body(text);
    let answer;
    try {
      answer = await api.POST(PATH, { body, bodySerializer: () => sent.content, signal: deadline(signal), ...sent.options });
    } catch (cause) {
      if (wasNotSent(cause)) throw unavailable("the server cannot be reached", cause);
      if (!sent.mayHaveBeenSent || wasNotSentWhole(cause, url)) {
        throw unavailable("the connection broke while the append was being sent; nothing was applied", cause);
      }
      throw new OutcomeUnknown(`there was no answer to the append: ${reason(cause)}`, { cause, request });
    }
    try {
      const { startSequence, recordsAppended, duplicate } = answered(answer, APPENDED, request);
      return { start: startSequence, count: recordsAppended, duplicate: duplicate === true };
    } catch (error) {
      if (!(error instanceof DeadlineExceeded || error instanceof UnexpectedAnswer)) throw error;
      if (error instanceof UnexpectedAnswer && REFUSED_ON_THE_WAY.includes(error.status)) throw error;
      const { told, status, requestId } = error;
      if (error instanceof DeadlineExceeded && told.includes(NOT_APPLIED)) {
        throw new Unavailable(told, { status, requestId, request, retryAfterMs: retry.pauseMs, cause: error });
      }
      throw new OutcomeUnknown(told, { status, requestId, request, cause: error });
    }
  }
}

/** A producer as it travels. */
function of({ id, epoch, sequence }: Producing): string {
  return JSON.stringify({ id, epoch, sequence } satisfies components["schemas"]["Producer"]);
}

/** A record as it travels. */
function encoded({ key, value, headers }: check.CheckedRecord): components["schemas"]["Record"] {
  const record = { key: encode(key), value: encode(value) };
  if (headers.length === 0) return record;
  return { ...record, headers: headers.map((header) => ({ name: header.name, value: encode(header.value) })) };
}
