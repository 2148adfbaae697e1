/** A client of the OpenData Log server: typed errors, pages, following with resume, and appends that are applied exactly once. */

export type { Appending } from "./append.js";
export type { AppendingMany } from "./append_many.js";
export type { Appended, AppendPart } from "./appended.js";
export type { RecordToAppend } from "./arguments.js";
export { LogClient } from "./client.js";
export { Consumer } from "./consumer.js";
export type { Cursor, CursorMove, Moving } from "./cursors.js";
export type { Deletion, Trimming } from "./commands.js";
export type { Page } from "./client.js";
export type { Consumption, Options } from "./options.js";
export {
  AppendsLost, Behind, Conflict, DeadlineExceeded, Fenced, Internal, InvalidArgument, LogError, MethodNotAllowed, NotFound, NotWriter,
  OutcomeUnknown, Overloaded, PartlyApplied, PermissionDenied, ProducerFenced, ProducerOutOfOrder, ProducerSequenceReused, ProducerSequenceTooOld, ProducerUnknown,
  SpansPartitions, TooLarge, Unauthenticated, Unavailable, UnexpectedAnswer, UnsupportedMediaType,
} from "./errors.js";
export type { Details, FailedPrecondition, LostAppends } from "./errors.js";
export { partitionOf } from "./partitions.js";
export type { Producer } from "./producers.js";
export type { Knowing, Noticing, OfPartition, Range, Reading, Stoppable } from "./reading.js";
export type { Header, LogRecord } from "./records.js";
export type { Retry } from "./retry.js";
export type { Keys, Prefix, Selection } from "./selection.js";
export type { AppendsToMake } from "./taking.js";
export type { OnTrimmed, Trimmed } from "./trimmed.js";
export type { Position, UnorderedPage, UnorderedReading } from "./unordered.js";
export type { components, operations, paths } from "./generated/schema.js";
