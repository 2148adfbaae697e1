/** What can go wrong, a class for each `code` of the server. */

export interface Details {
  readonly status?: number | undefined;
  /** Milliseconds after which the same may succeed; undefined if it is no use to send it again. */
  readonly retryAfterMs?: number | undefined;
  /** What to look for in the server's log. */
  readonly requestId?: string | undefined;
  /** What was asked, without its parameters, such as `POST http://localhost:8080/api/v1/log/append`. */
  readonly request?: string | undefined;
  readonly cause?: unknown;
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

  constructor(told: string, details: Details = {}) {
    super(details.request === undefined ? told : `${told} (${details.request})`, { cause: details.cause });
    this.told = told;
    this.request = details.request;
    this.name = new.target.name;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.requestId = details.requestId;
  }
}

/** The request can never succeed; the message names what is wrong. */
export class InvalidArgument extends LogError {
  override readonly code = "invalid_argument";
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

/** A read took too long. (For an append it is `OutcomeUnknown`.) */
export class DeadlineExceeded extends LogError {
  override readonly code = "deadline_exceeded";
}

/** An append may have been applied, whole or not at all. Read the key before it is sent again. */
export class OutcomeUnknown extends DeadlineExceeded {}

/** A bug, or damaged data. */
export class Internal extends LogError {
  override readonly code = "internal";
}

/** What answered was no log server: another one, or something in between. (For an append it is `OutcomeUnknown`.) */
export class UnexpectedAnswer extends LogError {}

/** The class of each `code`. */
export const CLASSES: ReadonlyMap<string, typeof LogError> = new Map<string, typeof LogError>([
  ["invalid_argument", InvalidArgument],
  ["unauthenticated", Unauthenticated],
  ["permission_denied", PermissionDenied],
  ["not_found", NotFound],
  ["method_not_allowed", MethodNotAllowed],
  ["too_large", TooLarge],
  ["unsupported_media_type", UnsupportedMediaType],
  ["overloaded", Overloaded],
  ["unavailable", Unavailable],
  ["fenced", Fenced],
  ["deadline_exceeded", DeadlineExceeded],
  ["internal", Internal],
]);
