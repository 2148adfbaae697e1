/** How often and how long a client tries. */

import * as check from "./arguments.js";
import { LogError } from "./errors.js";

/** How often and how long a client tries. */
export interface Retry {
  /** Requests for one call at most, as long as it is certain that nothing was applied; for a stream of appends, until its first session is open. */
  readonly attempts: number;
  /** Milliseconds before the second one at least, doubled each time up to the longest; the server may say more. */
  readonly pauseMs: number;
  /** A `Retry-After` beyond this is not waited for. (A tail asks again after it.) */
  readonly longestPauseMs: number;
  /**
   * A tail that was following gives up when it has had no answer for so long, an append when its outcome was unknown for so long, and a stream
   * of appends that was talking to the server when it is away for so long.
   */
  readonly patienceMs: number;
}

const RETRY: Retry = { attempts: 5, pauseMs: 200, longestPauseMs: 10_000, patienceMs: 300_000 };

/** The retries that were asked for, the others as they are by default. */
export function retryOf(asked: Partial<Retry> = {}): Retry {
  check.known("retry", asked, Object.keys(RETRY));
  const retry = { ...RETRY, ...asked };
  check.whole("retry.attempts", retry.attempts, 1);
  check.timer("retry.pauseMs", retry.pauseMs);
  check.timer("retry.longestPauseMs", retry.longestPauseMs);
  check.whole("retry.patienceMs", retry.patienceMs);
  return retry;
}

/** Milliseconds to wait after `failed` failures in a row. */
export function pauseAfter(retry: Retry, failed: number): number {
  return Math.min(retry.pauseMs * 2 ** Math.min(failed - 1, 60), retry.longestPauseMs);
}

/** Milliseconds to wait before it is sent again; undefined if that is of no use, or there were enough attempts. */
export function pauseFor(retry: Retry, error: LogError, failed: number): number | undefined {
  const wait = error.retryAfterMs;
  if (wait === undefined || wait > retry.longestPauseMs || failed >= retry.attempts) return undefined;
  return Math.max(wait, pauseAfter(retry, failed));
}

/** Sends until it is done, it is of no use to send again, or there were enough attempts. */
export async function attempted<T>(retry: Retry, signal: AbortSignal | undefined, send: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await send();
    } catch (error) {
      const ms = error instanceof LogError ? pauseFor(retry, error, attempt) : undefined;
      if (ms === undefined) throw error;
      await pause(ms, signal);
    }
  }
}

/** Ends early, with its reason, when `signal` says so. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** The connections of a tail: when one that broke is made anew, and when no more. */
export class Connections {
  readonly #retry: Retry;
  #failed = 0;
  #since = 0;
  #everAnswered = false;

  constructor(retry: Retry) {
    this.#retry = retry;
  }

  /** The server said something: it is there, however quiet the key is. */
  answered(): void {
    this.#failed = 0;
    this.#everAnswered = true;
  }

  /**
   * Waits until it is time for the next one; throws `error` when it was the last.
   *
   * A server that never answered is given up after as many attempts as for any other call: its address may be wrong.
   */
  async failed(error: LogError, signal: AbortSignal | undefined): Promise<void> {
    if (this.#failed === 0) this.#since = performance.now();
    this.#failed += 1;
    const wanted = Math.max(pauseAfter(this.#retry, this.#failed), error.retryAfterMs ?? 0);
    const ms = Math.min(wanted, this.#retry.longestPauseMs);
    const last = this.#everAnswered
      ? performance.now() + ms > this.#since + this.#retry.patienceMs
      : this.#failed >= this.#retry.attempts;
    if (last) throw error;
    await pause(ms, signal);
  }
}
