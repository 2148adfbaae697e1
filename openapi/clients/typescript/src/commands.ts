/** Trims and deletions: what is sent, and what is known of what became of it. */

import { type Answer, TRIMMED } from "./answers.js";
import * as check from "./arguments.js";
import { encode } from "./base64.js";
import { Body, fetchOnce } from "./body.js";
import { LogError, OutcomeUnknown } from "./errors.js";
import type { components } from "./generated/schema.js";
import { sentOnce, unknown } from "./outcome.js";
import { about } from "./partitions.js";
import { ofPartition, type OfPartition, type Stoppable } from "./reading.js";
import { attempted } from "./retry.js";
import type { Target } from "./target.js";

/** What is deleted of a key, and what can end it. */
export interface Deletion {
  /** Deletes only records with lower sequences. */
  readonly beforeSeq?: number;
  /** Ends it: it throws the signal's reason. (A deletion that was sent throws `OutcomeUnknown`.) */
  readonly signal?: AbortSignal | undefined;
}

/** Of which partition a trim is, and what can end it. */
export interface Trimming extends Stoppable, OfPartition {}

type Floor = { readonly trimmedBefore: number };

interface Command {
  /** Its name in messages. */
  readonly what: string;
  /** What errors call the request. */
  readonly request: string;
  /** Whether it may be sent again when it may have been applied. */
  readonly repeatable: boolean;
}

/** The commands to one server. Each returns a floor. */
export class Commands {
  readonly #target: Target;

  constructor(target: Target) {
    this.#target = target;
  }

  async trimBefore(sequence: number, options: Trimming): Promise<number> {
    return this.#trim({ beforeSequence: check.whole("sequence", sequence) }, options);
  }

  async trimBeforeTime(timeMs: number, options: Trimming): Promise<number> {
    return this.#trim({ beforeTimeMs: check.whole("timeMs", timeMs) }, options);
  }

  async deleteKey(key: Uint8Array, options: Deletion): Promise<number> {
    check.known("options", options, ["beforeSeq", "signal"]);
    check.signal(options.signal);
    // A bound that is undefined by mistake must not delete everything.
    const bound = "beforeSeq" in options ? { before_seq: check.whole("beforeSeq", options.beforeSeq) } : {};
    const query = { key_base64: encode(check.bytes("key", key)), ...bound };
    const path = "/api/v1/log/key";
    const { api, url, deadline, cluster } = this.#target;
    const { signal } = options;
    // Without a bound, it would also delete what was appended after it was applied.
    const deletion = { what: "deletion", request: `DELETE ${url}${path}`, repeatable: "before_seq" in bound };
    return this.#send(deletion, signal, () => cluster.ask(
      about(key), (baseUrl) => api.DELETE(path, { params: { query }, baseUrl, signal: deadline(signal), fetch: fetchOnce })));
  }

  #trim(body: components["schemas"]["TrimRequest"], options: Trimming): Promise<number> {
    check.known("options", options, ["partition", "signal"]);
    check.signal(options.signal);
    const { signal } = options;
    const query = ofPartition(options.partition);
    const text = JSON.stringify(body);
    const path = "/api/v1/log/trim";
    const { api, url, deadline, cluster } = this.#target;
    // A floor is never lowered.
    const trim = { what: "trim", request: `POST ${url}${path}`, repeatable: true };
    return this.#send(trim, signal, () => cluster.ask(query, (baseUrl) => {
      const sent = new Body(text);
      return api.POST(path, { params: { query }, body, baseUrl, bodySerializer: () => sent.content, signal: deadline(signal), ...sent.options });
    }));
  }

  async #send(
    { what, request, repeatable }: Command, signal: AbortSignal | undefined, send: () => Promise<Answer<Floor>>,
  ): Promise<number> {
    const { url, retry } = this.#target;
    let lost: OutcomeUnknown | undefined;
    const once = async (): Promise<number> => {
      try {
        return (await sentOnce({ what, request, url, retry, mayHaveBeenSent: () => true }, TRIMMED, send)).trimmedBefore;
      } catch (error) {
        if (!(error instanceof OutcomeUnknown)) throw error;
        lost = error;
        if (!repeatable) throw error;
        const { told, status, requestId, cause } = error;
        throw new OutcomeUnknown(told, { status, requestId, request, cause, retryAfterMs: retry.pauseMs });
      }
    };
    try {
      return await attempted(retry, signal, once);
    } catch (error) {
      if (lost === undefined) throw error;
      // Its signal may have ended it, whose reason does not say that it may have been applied.
      throw error instanceof LogError ? unknown(error, what) : lost;
    }
  }
}
