/** Cursors: named positions that the server keeps. */

import { type Answer, answered, CURSOR, CURSORS, DELETED, type Shape } from "./answers.js";
import * as check from "./arguments.js";
import { Body, fetchOnce } from "./body.js";
import { Conflict, DeadlineExceeded, NotFound, Unavailable, UnexpectedAnswer } from "./errors.js";
import type { components } from "./generated/schema.js";
import { reason } from "./network.js";
import { about } from "./partitions.js";
import { attempted } from "./retry.js";
import type { Target } from "./target.js";

/** A named position that the server keeps: how far a consumer has got. */
export interface Cursor {
  readonly name: string;
  /** The sequence that is to be read next. */
  readonly position: number;
  /** When it was moved last, in milliseconds since the Unix epoch. */
  readonly updatedMs: number;
  /** How many sequences there are between the position and the end of the log, over all keys. */
  readonly lag: number;
}

/** A move of a cursor together with records. It is created if it does not exist. */
export interface CursorMove {
  readonly name: string;
  /** The sequence that is to be read next; at most the end of the log with the records. */
  readonly position: number;
  /** Where it must be, or nothing is applied; one that does not exist is at 0. Without it: wherever it is. */
  readonly expected?: number | undefined;
}

/** Where a cursor must be, and what can end its move. */
export interface Moving {
  /** Where it must be; one that does not exist is at 0. Otherwise the move throws `Conflict`. */
  readonly expected?: number | undefined;
  /** Ends it: it throws the signal's reason. (It may have been applied.) */
  readonly signal?: AbortSignal | undefined;
}

const PATH = "/api/v1/log/cursors";
const ONE = "/api/v1/log/cursors/{name}";
const PAGE = 1000;

/** Moves, checked, as they are sent. */
export function moves(value: unknown): components["schemas"]["CursorMove"][] {
  return check.list("cursors", value).map((each, at) => {
    const name = `cursors[${at}]`;
    check.known(name, each, ["name", "position", "expected"]);
    const { name: cursor, position, expected } = each as CursorMove;
    const move = { name: check.cursor(`${name}: name`, cursor), position: check.whole(`${name}: position`, position) };
    return expected === undefined ? move : { ...move, expected: check.whole(`${name}: expected`, expected) };
  });
}

/** The calls about cursors to one server. */
export class Cursors {
  readonly #target: Target;

  constructor(target: Target) {
    this.#target = target;
  }

  async get(name: string, signal: AbortSignal | undefined): Promise<Cursor | undefined> {
    const { api, url, deadline, cluster } = this.#target;
    const path = { name: check.cursor("name", name) };
    try {
      return cursor(await this.#asked(
        `GET ${url}${PATH}/${encodeURIComponent(name)}`, CURSOR, signal,
        () => cluster.ask(about(name), (baseUrl) => api.GET(ONE, { params: { path }, baseUrl, signal: deadline(signal) }))));
    } catch (error) {
      if (error instanceof NotFound) return undefined;
      throw error;
    }
  }

  async put(name: string, position: number, options: Moving): Promise<Cursor> {
    check.known("options", options, ["expected", "signal"]);
    check.signal(options.signal);
    const { expected, signal } = options;
    const { api, url, deadline, cluster } = this.#target;
    const path = { name: check.cursor("name", name) };
    const body = {
      position: check.whole("position", position),
      ...(expected === undefined ? {} : { expected: check.whole("expected", expected) }),
    };
    const text = JSON.stringify(body);
    let sent = 0;
    try {
      return cursor(await this.#asked(`PUT ${url}${PATH}/${encodeURIComponent(name)}`, CURSOR, signal, () => {
        sent += 1;
        return cluster.ask(about(name), (baseUrl) => {
          const content = new Body(text);
          return api.PUT(
            ONE, { params: { path }, body, baseUrl, bodySerializer: () => content.content, signal: deadline(signal), ...content.options });
        });
      }));
    } catch (error) {
      // An attempt whose answer was lost has moved it.
      if (sent > 1 && error instanceof Conflict && error.cursor === name && error.position === position) {
        const found = await this.get(name, signal);
        if (found !== undefined) return found;
      }
      throw error;
    }
  }

  async delete(name: string, signal: AbortSignal | undefined): Promise<boolean> {
    const { api, url, deadline, cluster } = this.#target;
    const path = { name: check.cursor("name", name) };
    const answer = await this.#asked(
      `DELETE ${url}${PATH}/${encodeURIComponent(name)}`, DELETED, signal,
      () => cluster.ask(
        about(name), (baseUrl) => api.DELETE(ONE, { params: { path }, baseUrl, signal: deadline(signal), fetch: fetchOnce })));
    return answer.deleted === true;
  }

  async *list(prefix: string, of: { partition?: number }, signal: AbortSignal | undefined): AsyncGenerator<Cursor> {
    const { api, url, deadline, cluster } = this.#target;
    let query: { prefix: string; limit: number; start_after?: string; partition?: number } = { prefix, limit: PAGE, ...of };
    for (;;) {
      const answer = await this.#asked(
        `GET ${url}${PATH}`, CURSORS, signal,
        () => cluster.ask(of, (baseUrl) => api.GET(PATH, { params: { query }, baseUrl, signal: deadline(signal) })));
      yield* answer.cursors.map(cursor);
      if (answer.nextStartAfter === undefined) return;
      query = { ...query, start_after: answer.nextStartAfter };
    }
  }

  /** What may have been applied is sent again: a deletion can be, and a move from an expected position finds out that it was made. */
  #asked<T>(request: string, shape: Shape, signal: AbortSignal | undefined, send: () => Promise<Answer<T>>): Promise<T> {
    const { retry } = this.#target;
    return attempted(retry, signal, async () => {
      let answer;
      try {
        answer = await send();
      } catch (cause) {
        signal?.throwIfAborted();
        if (cause instanceof SyntaxError) {
          throw new UnexpectedAnswer(`an answer that no log server gives: ${reason(cause)}`, { request, cause });
        }
        throw new Unavailable(`there was no answer: ${reason(cause)}`, { retryAfterMs: retry.pauseMs, request, cause });
      }
      try {
        return answered(answer, shape, request);
      } catch (error) {
        if (!(error instanceof DeadlineExceeded)) throw error;
        const { told, status, requestId } = error;
        throw new DeadlineExceeded(told, { status, requestId, request, retryAfterMs: retry.pauseMs, cause: error });
      }
    });
  }
}

function cursor({ name, position, updatedMs, lag }: Cursor): Cursor {
  return { name, position, updatedMs, lag };
}
