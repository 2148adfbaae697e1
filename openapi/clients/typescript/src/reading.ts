/** What reads ask for: which records, and how. */

import * as check from "./arguments.js";
import type { paths } from "./generated/schema.js";
import { type Selection, selected } from "./selection.js";
import type { OnTrimmed } from "./trimmed.js";

/** Sequences from `start` up to, not including, `end`. */
export interface Range {
  readonly start?: number | undefined;
  readonly end?: number | undefined;
}

/** What can be ended: it throws the signal's reason. */
export interface Stoppable {
  readonly signal?: AbortSignal | undefined;
}

/** What can be told how much must be shown. */
export interface Knowing {
  /**
   * Everything below this sequence must be shown, in place of what the client remembers: `LogClient.atLeast` of another one. The read waits
   * for it, and throws `Behind` if it takes too long. With 0, it does not wait.
   */
  readonly atLeast?: number | undefined;
}

/** What can meet records that were trimmed. */
export interface Noticing {
  /**
   * Called, and awaited, when records of the range had been trimmed: before the next record, or before a count is returned. What it throws
   * ends the call. Without it, there is a `console.warn`.
   */
  readonly onTrimmed?: OnTrimmed | undefined;
}

/** What can be of one partition of a cluster. */
export interface OfPartition {
  /** The partition, for what names no key, and no prefix with a whole tag. A log that is not clustered has partition 0 alone. */
  readonly partition?: number | undefined;
}

/** Which records are read. */
export interface Reading extends Range, Stoppable, Noticing, Knowing, OfPartition {
  /** Records before the first one that was appended at or after this time (Unix ms) are skipped. */
  readonly startTimeMs?: number | undefined;
  /** `memory`, all that was applied, if it is not given; with `durable` only what is on object storage. */
  readonly visibility?: "memory" | "durable" | undefined;
}

export const RANGE = ["start", "end"];
const READING = [...RANGE, "startTimeMs", "visibility", "atLeast", "partition", "signal", "onTrimmed"];

/** What a read asks for. `atLeast` is what the caller asked for, which is no parameter yet. */
export type Asked = ReturnType<typeof asked>;

/** The parameters of a scan. */
export type Scanned = NonNullable<paths["/api/v1/log/scan"]["get"]["parameters"]["query"]>;

/** The parameters of what reads the records of a key or of several. */
export function asked(key: Selection, reading: Reading) {
  check.known("options", reading, READING);
  check.signal(reading.signal);
  check.listener("onTrimmed", reading.onTrimmed);
  const { startTimeMs, visibility, atLeast, partition } = reading;
  return {
    ...selected(key),
    ...sequences(reading),
    ...(startTimeMs === undefined ? {} : { start_time_ms: check.whole("startTimeMs", startTimeMs) }),
    ...(visibility === undefined ? {} : { visibility: check.oneOf("visibility", visibility, ["memory", "durable"]) }),
    ...knowing(atLeast),
    ...ofPartition(partition),
  };
}

/** The parameters of a range. */
export function sequences({ start = 0, end }: Range) {
  return {
    start_seq: check.whole("start", start),
    ...(end === undefined ? {} : { end_seq: check.whole("end", end) }),
  };
}

/** The signal of a call that has no other option. */
export function stoppable(options: Stoppable): AbortSignal | undefined {
  check.known("options", options, ["signal"]);
  check.signal(options.signal);
  return options.signal;
}

/** The parameter of a partition, checked. */
export function ofPartition(partition: number | undefined): { partition?: number } {
  return partition === undefined ? {} : { partition: check.whole("partition", partition) };
}

/** What a read asks for of what must be shown, checked. */
export function knowing(atLeast: number | undefined): { atLeast?: number } {
  return atLeast === undefined ? {} : { atLeast: check.whole("atLeast", atLeast) };
}
