/** What can go wrong, a class for each `code` of the server. */

import type { Appended, AppendPart } from "./appended.js";

export interface Details {
  readonly status?: number | undefined;
  /** Milliseconds after which the same may succeed; undefined if it is no use to send it again. */
  readonly retryAfterMs?: number | undefined;
  /** What to look for in the server's log. */
  readonly requestId?: string | undefined;
  /** What was asked, without its parameters, such as `POST http://localhost:8080/api/v1/log/append`. */
  readonly request?: string | undefined;
  readonly cause?: unknown;
  /** Of a `Conflict`. */
  readonly conflict?: FailedPrecondition | undefined;
  /** Of a `ProducerOutOfOrder`. */
  readonly expectedSequence?: number | undefined;
  /** Of an `AppendsLost`. */
  readonly lost?: LostAppends | undefined;
  /** Of `LogClient.appendSplit`. */
  readonly parts?: readonly AppendPart[] | undefined;
}

/** Which precondition of an append failed, or which cursor is not where it is expected. */
export interface FailedPrecondition {
  /** Empty if it is about a cursor. */
  readonly key: Uint8Array;
  /** The sequence of the last record of the key. */
  readonly lastSequence?: number | undefined;
  /** Records below this sequence may have been deleted, so the server cannot tell. Read the key to its end. */
  readonly trimmedBefore?: number | undefined;
  /** The cursor, if it is about one. */
  readonly cursor?: string | undefined;
  /** Where the cursor is; undefined if it does not exist. */
  readonly position?: number | undefined;
}

/** Appends that were acknowledged, and lost in a crash. */
export interface LostAppends {
  /** How many. */
  readonly requests: number;
  /** What they had been answered, as far as it is remembered (for the last 1,000). */
  readonly appended: readonly Appended[];
}

/** Something was not done. `code` and the message are the server's. */
export class LogError extends Error {
  readonly code: string = "";
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly requestId: string | undefined;
  readonly request: string | undefined;
  /** The message without the request. */
  readonly told: string;
  /** Whether the append, trim or deletion may have been applied, whole or not at all. Otherwise nothing was applied, unless it is `PartlyApplied`. */
  isUnknownOutcome = false;
  /** Of `LogClient.appendSplit`: what became of each part, if the server told that. */
  readonly parts: readonly AppendPart[];

  constructor(told: string, details: Details = {}) {
    super(details.request === undefined ? told : `${told} (${details.request})`, { cause: details.cause });
    this.told = told;
    this.request = details.request;
    this.name = new.target.name;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.requestId = details.requestId;
    this.parts = details.parts ?? [];
  }
}

/** The request can never succeed; the message names what is wrong. */
export class InvalidArgument extends LogError {
  override readonly code = "invalid_argument";
}

/** What the request names is in several partitions of a cluster. Nothing was applied; keys with one tag are in one partition. */
export class SpansPartitions extends LogError {
  override readonly code = "spans_partitions";
}

/** The server wants a token that it knows. */
export class Unauthenticated extends LogError {
  override readonly code = "unauthenticated";
}

/** The token does not have the right that is needed. */
export class PermissionDenied extends LogError {
  override readonly code = "permission_denied";
}

/** There is no such path: the address is probably not that of a log server. */
export class NotFound extends LogError {
  override readonly code = "not_found";
}

/** The path does not take this method. */
export class MethodNotAllowed extends LogError {
  override readonly code = "method_not_allowed";
}

/** Something is over its limit; the message says what, and the limit. */
export class TooLarge extends LogError {
  override readonly code = "too_large";
}

/** The body is in a format that the server does not read. */
export class UnsupportedMediaType extends LogError {
  override readonly code = "unsupported_media_type";
}

/** A queue is full. Nothing was applied. */
export class Overloaded extends LogError {
  override readonly code = "overloaded";
}

/** The server or its store cannot be reached, or the server starts or stops. Nothing was applied. */
export class Unavailable extends LogError {
  override readonly code = "unavailable";
}

/** Another server took the log over. Nothing was applied; go there. */
export class Fenced extends LogError {
  override readonly code = "fenced";
}

/** The server is read-only. Nothing was applied; go to the server that writes the log. */
export class NotWriter extends LogError {
  override readonly code = "not_writer";
}

/** The server does not show the log up to what the read requires yet. */
export class Behind extends LogError {
  override readonly code = "behind";
}

/** A read took too long. (For an append, a trim or a deletion it is `OutcomeUnknown`.) */
export class DeadlineExceeded extends LogError {
  override readonly code = "deadline_exceeded";
}

/**
 * An append may have been applied, whole or not at all: read the key before it is sent again. Or a trim or a deletion may have been applied:
 * it can be repeated, but see `deleteKey`.
 */
export class OutcomeUnknown extends DeadlineExceeded {
  override isUnknownOutcome = true;
}

/**
 * A precondition failed, or a cursor is not where it is expected: another client was faster. Nothing was applied; read on, and decide again.
 */
export class Conflict extends LogError implements FailedPrecondition {
  override readonly code = "conflict";
  readonly key: Uint8Array;
  readonly lastSequence: number | undefined;
  readonly trimmedBefore: number | undefined;
  readonly cursor: string | undefined;
  readonly position: number | undefined;

  constructor(told: string, details: Details = {}) {
    super(told, details);
    this.key = details.conflict?.key ?? new Uint8Array();
    this.lastSequence = details.conflict?.lastSequence;
    this.trimmedBefore = details.conflict?.trimmedBefore;
    this.cursor = details.conflict?.cursor;
    this.position = details.conflict?.position;
  }
}

/** Some parts of an append that was split were applied, and the others were not: see `parts`. Send only the records of those again. */
export class PartlyApplied extends LogError {
  override readonly code = "partly_applied";
}

/**
 * Appends that were acknowledged before they were durable were lost in a crash of the server. The append that found out was not applied
 * either, unless `isUnknownOutcome`: then an earlier attempt of it was lost from sight, too. The next ones are not affected.
 */
export class AppendsLost extends LogError implements LostAppends {
  readonly requests: number;
  readonly appended: readonly Appended[];

  constructor(told: string, details: Details = {}) {
    super(told, details);
    this.requests = details.lost?.requests ?? 0;
    this.appended = details.lost?.appended ?? [];
  }
}

/** The request is ahead of its turn. (The client finds that appends were lost: `AppendsLost`.) */
export class ProducerOutOfOrder extends LogError {
  override readonly code = "producer_out_of_order";
  /** The sequence of the request that is applied next. */
  readonly expectedSequence: number;

  constructor(told: string, details: Details = {}) {
    super(told, details);
    this.expectedSequence = details.expectedSequence ?? 0;
  }
}

/** The request was applied long ago. (The client counts it as a success, if it sent the request.) */
export class ProducerSequenceTooOld extends LogError {
  override readonly code = "producer_sequence_too_old";
}

/** Another client has sent other records as the same producer, in the same epoch and with the same sequence. */
export class ProducerSequenceReused extends LogError {
  override readonly code = "producer_sequence_reused";
}

/** Another client writes as the same producer in a higher epoch. This one must stop. */
export class ProducerFenced extends LogError {
  override readonly code = "producer_fenced";
}

/** The server does not know the producer any more. With `isUnknownOutcome`, the append may have been applied before that. */
export class ProducerUnknown extends LogError {
  override readonly code = "producer_unknown";
}

/** A bug, or damaged data. */
export class Internal extends LogError {
  override readonly code = "internal";
}

/** What answered was no log server: another one, or something in between. (For an append, a trim or a deletion it is `OutcomeUnknown`.) */
export class UnexpectedAnswer extends LogError {}

/** The class of each `code`. */
export const CLASSES: ReadonlyMap<string, typeof LogError> = new Map<string, typeof LogError>([
  ["invalid_argument", InvalidArgument],
  ["spans_partitions", SpansPartitions],
  ["unauthenticated", Unauthenticated],
  ["permission_denied", PermissionDenied],
  ["not_found", NotFound],
  ["method_not_allowed", MethodNotAllowed],
  ["too_large", TooLarge],
  ["unsupported_media_type", UnsupportedMediaType],
  ["overloaded", Overloaded],
  ["unavailable", Unavailable],
  ["fenced", Fenced],
  ["not_writer", NotWriter],
  ["behind", Behind],
  ["deadline_exceeded", DeadlineExceeded],
  ["internal", Internal],
  ["conflict", Conflict],
  ["partly_applied", PartlyApplied],
  ["producer_out_of_order", ProducerOutOfOrder],
  ["producer_sequence_too_old", ProducerSequenceTooOld],
  ["producer_sequence_reused", ProducerSequenceReused],
  ["producer_fenced", ProducerFenced],
  ["producer_unknown", ProducerUnknown],
]);
