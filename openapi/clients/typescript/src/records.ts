/** What is read, with bytes as bytes. */

import { UnexpectedAnswer } from "./errors.js";
import type { components } from "./generated/schema.js";

/** One record as it is read. */
export interface LogRecord {
  /** Its place in the log: one counter for all keys. */
  readonly sequence: number;
  readonly value: Uint8Array;
  /** When it was appended, in milliseconds since the Unix epoch. */
  readonly timestampMs: number;
}

/** Bytes as they travel in JSON and in parameters. */
export function encode(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

export function decode(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch (cause) {
    throw new UnexpectedAnswer(`bytes that no log server sends: ${base64.slice(0, 200)}`, { cause });
  }
}

/** A record as it came. */
export function record(value: components["schemas"]["Value"]): LogRecord {
  return { sequence: value.sequence, value: decode(value.value), timestampMs: value.timestampMs };
}
