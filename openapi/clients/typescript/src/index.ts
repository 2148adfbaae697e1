/** A client of the OpenData Log server: typed errors, pages, following with resume, and retries that are safe. */

export type { RecordToAppend } from "./arguments.js";
export { LogClient } from "./client.js";
export type { Appended, Options, Range, Reading, Stoppable } from "./client.js";
export {
  DeadlineExceeded, Fenced, Internal, InvalidArgument, LogError, MethodNotAllowed, NotFound, OutcomeUnknown, Overloaded,
  PermissionDenied, TooLarge, Unauthenticated, Unavailable, UnexpectedAnswer, UnsupportedMediaType,
} from "./errors.js";
export type { Details } from "./errors.js";
export type { Header, LogRecord } from "./records.js";
export type { Retry } from "./retry.js";
export type { components, operations, paths } from "./generated/schema.js";
