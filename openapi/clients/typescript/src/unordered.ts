/** Reads of all partitions of a cluster, in no order between them. */

import * as check from "./arguments.js";
import { encode } from "./base64.js";
import type { components } from "./generated/schema.js";
import { ofPartition, type OfPartition, type Stoppable } from "./reading.js";
import { type LogRecord, record } from "./records.js";

/** Where to continue in one partition. */
export interface Position {
  readonly partition: number;
  readonly nextSequence: number;
  /** If records that were to be read had been trimmed: the floor, the first sequence that can still be there. To continue, it need not be given. */
  readonly trimmedBefore?: number;
}

/** Records of all partitions, and where to continue in each. */
export interface UnorderedPage {
  /** Those of each partition are in the order of their sequences; between partitions there is no order. */
  readonly records: LogRecord[];
  /** Keep them in this order: the partitions that had less come first. */
  readonly positions: Position[];
}

/** Which records are read. */
export interface UnorderedReading extends Stoppable, OfPartition {
  /** Where it begins; at the start of the partitions that are not in it. */
  readonly positions?: readonly Position[] | undefined;
  /** Records before the first one that was appended at or after this time (Unix ms) are skipped. */
  readonly startTimeMs?: number | undefined;
  /** `memory`, all that was applied, if it is not given; with `durable` only what is on object storage. */
  readonly visibility?: "memory" | "durable" | undefined;
}

/** What is asked for, checked. */
export function request(prefix: Uint8Array, reading: UnorderedReading, page: number): components["schemas"]["ScanRequest"] {
  check.known("options", reading, ["positions", "startTimeMs", "visibility", "partition", "signal"]);
  check.signal(reading.signal);
  ofPartition(reading.partition);
  const { positions = [], startTimeMs, visibility } = reading;
  if (!Array.isArray(positions)) throw new TypeError("positions must be a list such as [{ partition: 0, nextSequence: 12 }]");
  return {
    prefix: encode(check.bytes("prefix", prefix)),
    order: "none",
    limit: check.whole("page", page, 1),
    positions: positions.map((position: Position, at: number) => ({
      partition: check.whole(`positions[${at}].partition`, position.partition),
      nextSequence: check.whole(`positions[${at}].nextSequence`, position.nextSequence),
    })),
    ...(startTimeMs === undefined ? {} : { startTimeMs: check.whole("startTimeMs", startTimeMs) }),
    ...(visibility === undefined ? {} : { visibility: check.oneOf("visibility", visibility, ["memory", "durable"]) }),
  };
}

/** A page as it came in the answer to `request`. */
export function told(answer: components["schemas"]["ScanResponse"], request: string): UnorderedPage {
  return { records: answer.values.map((value) => record(value, request)), positions: answer.positions ?? [] };
}
