/** Appends that are sent until it is known what became of them. */

import type { Appended } from "./appended.js";
import {
  AppendsLost, Conflict, Fenced, Internal, LogError, NotWriter, OutcomeUnknown, Overloaded, ProducerFenced, ProducerOutOfOrder,
  ProducerSequenceReused, ProducerSequenceTooOld, ProducerUnknown, Unavailable,
} from "./errors.js";
import { unknown } from "./outcome.js";
import type { Producing } from "./producers.js";
import { pause, pauseAfter, pauseFor, type Retry } from "./retry.js";

/** After these, the same request may have another outcome later, here or at the server that a proxy chooses then. */
const PASSING = [OutcomeUnknown, Unavailable, Overloaded, Fenced, NotWriter, Internal];

const OF_PRODUCER = [ProducerOutOfOrder, ProducerSequenceTooOld, ProducerSequenceReused, ProducerFenced, ProducerUnknown];

/** The producer is of another partition, so the server refused the request. */
export class Elsewhere extends Error {}

/** One append, as the caller asked for it. */
export interface Asked {
  readonly records: number;
  readonly awaitDurable: boolean;
  readonly signal: AbortSignal | undefined;
}

/** The attempts to deliver one append, or the first of several that are sent together: what may have been applied is sent again for `patienceMs` of `Retry`. */
export class Delivery {
  readonly #retry: Retry;
  #producer: Producing | undefined;
  readonly #asked: Asked;
  #wasOpen = false;
  #failed = 0;
  #failedSince = 0;
  #unknownSince: number | undefined;
  /** Whether only something that is no log server ever answered: the address may be wrong. */
  #onlyPages = true;

  constructor(retry: Retry, producer: Producing | undefined, asked: Asked) {
    this.#retry = retry;
    this.#producer = producer;
    this.#asked = asked;
  }

  /** Sends one append until it is known what became of it, or throws `Elsewhere`. */
  async run(producer: Producing, send: () => Promise<Appended>, isElsewhere: () => Promise<boolean>): Promise<Appended> {
    producer.isOpen = true;
    for (;;) {
      try {
        const done = await send();
        producer.applied(done, this.#asked.awaitDurable);
        return done;
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        if (OF_PRODUCER.some((kind) => error instanceof kind)) {
          if (await isElsewhere()) {
            // It was not applied: the first request of a producer has another sequence.
            producer.refused();
            throw new Elsewhere();
          }
          const applied = this.judged(producer, error, this.#asked.records);
          if (applied !== undefined) return applied;
        } else if (error instanceof Conflict) {
          // The server judges the producer first, so no earlier attempt was applied.
          producer.refused();
          throw error;
        } else {
          await this.#pause(error);
        }
      }
    }
  }

  /** The append is of another producer, by which it was not sent yet. */
  exchange(producer: Producing): void {
    this.#producer = producer;
    this.settled();
  }

  /** The next append begins. */
  settled(): void {
    this.#failed = 0;
    this.#unknownSince = undefined;
    this.#onlyPages = true;
  }

  /** A session is open: the server is there. From now on it may be away for `patienceMs` of `Retry`, as while it restarts. */
  opened(): void {
    this.#wasOpen = true;
  }

  /** The append may have been applied. */
  doubt(): void {
    this.#unknownSince ??= performance.now();
  }

  /** What was appended, or nothing if it is to be sent again by a producer that began anew. */
  judged(producer: Producing, error: LogError, records: number): Appended | undefined {
    const mayBeApplied = this.#unknownSince !== undefined;
    if (error instanceof ProducerSequenceTooOld && mayBeApplied) {
      const done = { start: undefined, count: records, duplicate: true };
      producer.applied(done, this.#asked.awaitDurable);
      return done;
    }
    if (error instanceof ProducerOutOfOrder && error.expectedSequence < producer.sequence) {
      throw this.#lost(producer, error, error.expectedSequence, "were");
    }
    if (error instanceof ProducerUnknown && producer.durableBelow < producer.sequence) {
      const lost = this.#lost(producer, error, producer.durableBelow, "may have been");
      lost.isUnknownOutcome = mayBeApplied;
      throw lost;
    }
    if (error instanceof ProducerUnknown && !mayBeApplied && producer.sequence > 0) {
      // It was idle for so long that the server forgot it, and nothing depends on what it knew.
      producer.restart();
      return undefined;
    }
    error.isUnknownOutcome = mayBeApplied;
    producer.replace();
    producer.refused();
    throw error;
  }

  /** The server does not know what was acknowledged from `first` on, and has refused this append. */
  #lost(producer: Producing, cause: LogError, first: number, were: string): AppendsLost {
    const requests = producer.sequence - first;
    const appended = producer.undurableFrom(first);
    producer.restart();
    producer.refused();
    const told = `${requests} appends that were acknowledged before they were durable ${were} lost in a crash of the server; `
      + "this one was refused";
    const { status, requestId, request } = cause;
    return new AppendsLost(told, { status, requestId, request, cause, lost: { requests, appended } });
  }

  /** Milliseconds to wait before the next attempt; throws what the append ends in when there is none. */
  pauseMs(error: LogError): number {
    const { signal } = this.#asked;
    this.#failed += 1;
    if (this.#failed === 1) this.#failedSince = performance.now();
    this.#onlyPages &&= error.isUnknownOutcome && error.status !== undefined && error.status !== 504;
    if (error.isUnknownOutcome) this.doubt();
    if (this.#unknownSince !== undefined) {
      const ms = this.#patientPause(error, this.#unknownSince);
      const isNoServer = this.#onlyPages && this.#failed >= this.#retry.attempts;
      if (ms === undefined || isNoServer || signal?.aborted || !PASSING.some((kind) => error instanceof kind)) throw unknown(error, "append");
      return ms;
    }
    const isPatient = this.#wasOpen && error.retryAfterMs !== undefined;
    const ms = isPatient ? this.#patientPause(error, this.#failedSince) : pauseFor(this.#retry, error, this.#failed);
    if (ms === undefined || signal?.aborted) {
      this.#producer?.refused();
      signal?.throwIfAborted();
      throw error;
    }
    return ms;
  }

  /** Milliseconds to wait if it is to be sent again for `patienceMs` from then on; undefined at its end. */
  #patientPause(error: LogError, since: number): number | undefined {
    const { longestPauseMs, patienceMs } = this.#retry;
    const ms = Math.min(Math.max(pauseAfter(this.#retry, this.#failed), error.retryAfterMs ?? 0), longestPauseMs);
    return performance.now() + ms > since + patienceMs ? undefined : ms;
  }

  async #pause(error: LogError): Promise<void> {
    const ms = this.pauseMs(error);
    const isUnknown = this.#unknownSince !== undefined;
    await pause(ms, this.#asked.signal).catch((reason: unknown) => {
      throw isUnknown ? unknown(error, "append") : reason;
    });
  }
}
