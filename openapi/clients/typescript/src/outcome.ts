/** What is known of a request that changes something: it was applied, it was certainly not, or nobody knows. */

import { type Answer, answered, NOT_APPLIED, REFUSED_ON_THE_WAY, type Shape } from "./answers.js";
import { DeadlineExceeded, type LogError, OutcomeUnknown, Unavailable, UnexpectedAnswer } from "./errors.js";
import { reason, wasNotSent, wasNotSentWhole } from "./network.js";
import type { Retry } from "./retry.js";

/** A request that changes something. */
export interface Command {
  /** Its name in messages. */
  readonly what: string;
  /** What errors call the request. */
  readonly request: string;
  readonly url: string;
  readonly retry: Retry;
  /** Whether somebody may have read a whole request, if its connection broke; true if that is not known. */
  readonly mayHaveBeenSent: () => boolean;
}

/**
 * What the server answered to a command that is sent once.
 *
 * If it may have been applied, this throws `OutcomeUnknown`. After any other error it was certainly not applied.
 */
export async function sentOnce<T>(command: Command, shape: Shape, send: () => Promise<Answer<T>>): Promise<T> {
  const { what, request, url, retry } = command;
  const unavailable = (told: string, cause: unknown): Unavailable =>
    new Unavailable(`${told}: ${reason(cause)}`, { retryAfterMs: retry.pauseMs, request, cause });
  let answer;
  try {
    answer = await send();
  } catch (cause) {
    if (wasNotSent(cause)) throw unavailable("the server cannot be reached", cause);
    if (!command.mayHaveBeenSent() || wasNotSentWhole(cause, url)) {
      throw unavailable(`the connection broke while the ${what} was being sent; nothing was applied`, cause);
    }
    throw new OutcomeUnknown(`there was no answer to the ${what}: ${reason(cause)}`, { cause, request });
  }
  try {
    return answered(answer, shape, request);
  } catch (error) {
    if (!(error instanceof DeadlineExceeded || error instanceof UnexpectedAnswer)) throw error;
    if (error instanceof UnexpectedAnswer && REFUSED_ON_THE_WAY.includes(error.status)) throw error;
    const { told, status, requestId, parts } = error;
    if (error instanceof DeadlineExceeded && told.includes(NOT_APPLIED)) {
      throw new Unavailable(told, { status, requestId, request, retryAfterMs: retry.pauseMs, cause: error });
    }
    throw new OutcomeUnknown(told, { status, requestId, request, parts, cause: error });
  }
}

/** The last error of a command that an earlier attempt may have applied. */
export function unknown(error: LogError, what: string): LogError {
  if (error.isUnknownOutcome) return error;
  const told = `an earlier attempt of the ${what} may have been applied; the last one: ${error.told}`;
  const { status, requestId, request } = error;
  return new OutcomeUnknown(told, { status, requestId, request, cause: error });
}
