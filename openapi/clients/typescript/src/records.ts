/** What is read, with bytes as bytes. */

import { fits, HEADERS } from "./answers.js";
import { bytesOf } from "./base64.js";
import { UnexpectedAnswer } from "./errors.js";
import type { components } from "./generated/schema.js";

/** What a record carries beside its value. Several headers of a record may have the same name. */
export interface Header {
  readonly name: string;
  readonly value: Uint8Array;
}

/** One record as it is read. */
export interface LogRecord {
  /** Its place in the log: one counter for all keys. */
  readonly sequence: number;
  readonly value: Uint8Array;
  /** When it was appended, in milliseconds since the Unix epoch. */
  readonly timestampMs: number;
  /** What was appended with it beside the value, in the same order. */
  readonly headers: readonly Header[];
  /** The key that it is of, in reads of several keys. */
  readonly key?: Uint8Array;
}

export function decode(base64: string, request: string): Uint8Array {
  const bytes = bytesOf(base64);
  if (bytes === undefined) throw new UnexpectedAnswer(`bytes that no log server sends: ${base64.slice(0, 200)}`, { request });
  return bytes;
}

/** A record as it came in the answer to `request`. */
export function record(value: components["schemas"]["Value"], request: string): LogRecord {
  const told = { headers: value.headers ?? [] };
  if (!fits(told, HEADERS)) {
    throw new UnexpectedAnswer(`headers that no log server sends: ${JSON.stringify(value.headers).slice(0, 200)}`, { request });
  }
  const headers = told.headers.map((header) => ({ name: header.name, value: decode(header.value, request) }));
  const found = { sequence: value.sequence, value: decode(value.value, request), timestampMs: value.timestampMs, headers };
  return typeof value.key === "string" ? { ...found, key: decode(value.key, request) } : found;
}
