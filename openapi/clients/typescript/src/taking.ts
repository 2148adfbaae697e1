/** Where the appends of a stream come from: they are taken as long as there is room. */

import type { RecordToAppend } from "./arguments.js";

/** Appends, each of one or more records. */
export type AppendsToMake = Iterable<Iterable<RecordToAppend>> | AsyncIterable<Iterable<RecordToAppend>>;

/** Who takes them. */
export interface Taker {
  /** Whether another append is to be taken. */
  readonly hasRoom: boolean;
  readonly wake: Wake;
  /** Takes an append. */
  take(records: Iterable<RecordToAppend>): void;
  /** No more appends come; the error is why, if there is one. */
  end(error?: { readonly thrown: unknown }): void;
}

/** What wakes the stream: something came, or was taken. */
export class Wake {
  #wake: (() => void) | undefined;
  #isDue = false;

  now = (): void => {
    this.#isDue = true;
    this.#wake?.();
  };

  /** Waits until it is called, or for so long; whether it was called. */
  async wait(ms: number | undefined, signal: AbortSignal | undefined): Promise<boolean> {
    if (!this.#isDue) {
      await new Promise<void>((resolve) => {
        const woken = (): void => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", woken);
          resolve();
        };
        const timer = ms === undefined ? undefined : setTimeout(woken, ms);
        signal?.addEventListener("abort", woken);
        this.#wake = woken;
      });
      this.#wake = undefined;
    }
    const was = this.#isDue;
    this.#isDue = false;
    return was;
  }
}

/** Takes appends as long as there is room. */
export class Taking {
  readonly #stream: Taker;
  readonly #here: Iterator<Iterable<RecordToAppend>> | undefined;
  readonly #beside: AsyncIterator<Iterable<RecordToAppend>> | undefined;
  #isAsked = false;
  #isOver = false;

  constructor(stream: Taker, appends: AppendsToMake) {
    this.#stream = stream;
    if (Symbol.asyncIterator in appends) this.#beside = appends[Symbol.asyncIterator]();
    else this.#here = appends[Symbol.iterator]();
  }

  /** There may be room. */
  take(): void {
    if (this.#beside !== undefined) {
      this.#ask(this.#beside);
      return;
    }
    while (this.#here !== undefined && !this.#isOver && this.#stream.hasRoom) {
      try {
        const { done, value } = this.#here.next();
        if (done === true) this.#end();
        else this.#stream.take(value);
      } catch (thrown) {
        // It is thrown at its place.
        this.#end({ thrown });
      }
    }
  }

  /** Takes no more. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#here?.return?.();
    // It may wait for something that never comes.
    void this.#beside?.return?.()?.catch(() => undefined);
  }

  /** Asks for one append after another. */
  #ask(appends: AsyncIterator<Iterable<RecordToAppend>>): void {
    if (this.#isAsked || this.#isOver || !this.#stream.hasRoom) return;
    this.#isAsked = true;
    appends.next().then(({ done, value }) => {
      this.#isAsked = false;
      if (this.#isOver) return;
      if (done === true) this.#end();
      else this.#stream.take(value);
      this.#ask(appends);
      this.#stream.wake.now();
    }).catch((thrown: unknown) => {
      this.#end({ thrown });
      this.#stream.wake.now();
    });
  }

  #end(error?: { readonly thrown: unknown }): void {
    this.#isOver = true;
    this.#stream.end(error);
  }
}
