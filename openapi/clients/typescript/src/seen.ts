/** What a client knows to be in the log, so that its later reads show that much, whichever server answers them. */

import * as check from "./arguments.js";

/** A read that does not wait for new records is given so long by the server to show what the client knows. */
export const SHOWN_WITHIN_MS = 5000;

/**
 * Up to where a client knows the log: what it appended and read, as far as no crash can undo it.
 *
 * Only what is durable counts: a server that lost what was not durable would never show it, and reads would wait for it until they time out.
 */
export class Seen {
  readonly #isPassed: boolean;
  #below = 0;

  constructor(isPassed: boolean) {
    this.#isPassed = check.flag("readYourWrites", isPassed);
  }

  /** Everything below this sequence is in the log. */
  get below(): number {
    return this.#below;
  }

  /** Everything below this sequence is in the log. */
  advance(below: number): void {
    this.#below = Math.max(this.#below, below);
  }

  /** What is below this sequence was read, in an answer with these headers, which say what of it is durable. */
  read(below: number, headers: Headers): void {
    // A server that does not say it may know no `at_least`, either.
    const told = headers.get("log-durable-sequence") ?? "";
    this.advance(Math.min(below, /^\d+$/.test(told) ? Number(told) : 0));
  }

  /** The parameter of a read, for which the caller asked for this. */
  atLeast(asked: number | undefined): { at_least?: number } {
    const below = asked ?? (this.#isPassed ? this.#below : 0);
    return below === 0 ? {} : { at_least: below };
  }
}
