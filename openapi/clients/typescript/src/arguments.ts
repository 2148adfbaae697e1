/** Arguments, checked before anything is sent: JavaScript would send garbage for a wrong one. The error says what is accepted. */

import type { Header } from "./records.js";

/** What is appended: `{ key, value }`, or the pair of them; and perhaps headers. */
export type RecordToAppend =
  | { readonly key: Uint8Array; readonly value: Uint8Array; readonly headers?: Iterable<Header> | undefined }
  | readonly [key: Uint8Array, value: Uint8Array, headers?: Iterable<Header>];

/** A record whose parts are what they must be. */
export interface CheckedRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly headers: readonly Header[];
}

/** A timer that is told to wait for more milliseconds ends at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

const RECORD = "such as { key: bytes, value: bytes } or [key, value]";
const HEADER = 'such as { name: "content-type", value: bytes }';
const URL_EXAMPLE = '"http://localhost:8080"';

/** The address of a server, without a slash at its end. */
export function url(value: unknown): string {
  if (typeof value !== "string") throw new TypeError(`url must be a string such as ${URL_EXAMPLE}, not ${kind(value)}`);
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  if (parsed === undefined || !/^https?:\/\//i.test(value)) {
    throw new TypeError(`url must begin with http:// or https:// and name a host, such as ${URL_EXAMPLE}, not ${shown(value)}`);
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw new TypeError("url must not contain a user name or password: give a token");
  }
  if (/[?#\s]/.test(value)) throw new TypeError(`url must have no query, fragment or white space: ${shown(value)}`);
  return value.replace(/\/+$/, "");
}

/** A token, as RFC 6750 and the server's token file have it; the message never shows it. */
export function token(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string") throw new TypeError(`token must be a string, not ${kind(value)}`);
  const allowed = /^[A-Za-z0-9\-._~+/]+=*$/;
  if (!allowed.test(value) || value.endsWith("\n")) {
    const hint = allowed.test(value.trim()) ? ": strip the white space around it" : "";
    throw new TypeError(`token must consist of A-Z a-z 0-9 - . _ ~ + / and = at its end${hint}`);
  }
  return value;
}

/** The bytes of a key or a value. */
export function bytes(name: string, value: unknown): Uint8Array {
  // Not instanceof, which does not know an array of another realm, as tests and workers have them.
  if (Object.prototype.toString.call(value) === "[object Uint8Array]") return value as Uint8Array;
  const hint = typeof value === "string" ? `, such as new TextEncoder().encode(${shown(value)})` : "";
  throw new TypeError(`${name} must be a Uint8Array${hint}, not ${kind(value)}`);
}

/** Something that gives records, again and again. */
export function appends<T>(value: T): T {
  const isAsync = typeof value === "object" && value !== null && Symbol.asyncIterator in value;
  if (!isAsync && !isList(value)) throw new TypeError(`appends must be an iterable of iterables of records, not ${kind(value)}`);
  return value;
}

export function records(value: unknown): CheckedRecord[] {
  if (!isList(value)) throw new TypeError(`records must be an iterable of records, ${RECORD}, not ${kind(value)}`);
  return Array.from(value, oneRecord);
}

function isList(value: unknown): value is Iterable<unknown> {
  const iterable = typeof value === "object" && value !== null && Symbol.iterator in value && !ArrayBuffer.isView(value);
  return iterable && !(value instanceof Map);
}

function oneRecord(value: unknown, at: number): CheckedRecord {
  const name = `records[${at}]`;
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) {
    throw new TypeError(`${name} must be a record, ${RECORD}, not ${kind(value)}`);
  }
  if (Array.isArray(value) && value.length !== 2 && value.length !== 3) {
    throw new TypeError(`${name} must be a record, ${RECORD}, not an array of ${value.length}`);
  }
  if (!Array.isArray(value)) known(name, value, ["key", "value", "headers"]);
  const record = value as CheckedRecord;
  const [key, content, given] = Array.isArray(value) ? value as unknown[] : [record.key, record.value, record.headers];
  return { key: bytes(`${name}: key`, key), value: bytes(`${name}: value`, content), headers: headers(`${name}: headers`, given) };
}

function headers(name: string, value: unknown): Header[] {
  if (value === undefined) return [];
  if (!isList(value)) throw new TypeError(`${name} must be an iterable of headers, ${HEADER}, not ${kind(value)}`);
  return Array.from(value, (each, at) => oneHeader(`${name}[${at}]`, each));
}

function oneHeader(name: string, value: unknown): Header {
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
    throw new TypeError(`${name} must be a header, ${HEADER}, not ${kind(value)}`);
  }
  known(name, value, ["name", "value"]);
  const header = value as Header;
  if (typeof header.name !== "string") throw new TypeError(`${name}: name must be a string, not ${kind(header.name)}`);
  return { name: header.name, value: bytes(`${name}: value`, header.value) };
}

/** Keys, each with the sequence from which on it must have no record. */
export function preconditions(value: unknown): (readonly [Uint8Array, number])[] {
  if (value === undefined) return [];
  if (!isList(value)) {
    throw new TypeError(`ifNoRecordSince must be an iterable of pairs, such as [[key, 0]], not ${kind(value)}`);
  }
  return Array.from(value, (each, at) => {
    const name = `ifNoRecordSince[${at}]`;
    if (!Array.isArray(each) || each.length !== 2) throw new TypeError(`${name} must be a pair of key and sequence, not ${kind(each)}`);
    return [bytes(`${name}: key`, each[0]), whole(`${name}: sequence`, each[1])] as const;
  });
}

/** The elements of something that may be left out. */
export function list(name: string, value: unknown): unknown[] {
  if (value === undefined) return [];
  if (!isList(value)) throw new TypeError(`${name} must be an iterable, not ${kind(value)}`);
  return Array.from(value);
}

/** The name of a cursor. */
export function cursor(name: string, value: unknown): string {
  if (typeof value !== "string") throw new TypeError(`${name} must be a string, not ${kind(value)}`);
  const size = new TextEncoder().encode(value).length;
  // eslint-disable-next-line no-control-regex
  if (size < 1 || size > 256 || /[\u0000-\u001f\u007f-\u009f]/.test(value) || value === "." || value === "..") {
    throw new RangeError(`${name} must have 1 to 256 bytes and no control characters, and must not be . or .., not ${shown(value)}`);
  }
  return value;
}

/** Under which name a client appends. */
export function producer(value: unknown): { id: string; epoch: number } {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`producer must be true, false or an object such as { id: "orders", epoch: 1 }, not ${kind(value)}`);
  }
  known("producer", value, ["id", "epoch"]);
  const { id, epoch } = value as { id: unknown; epoch: unknown };
  if (typeof id !== "string") throw new TypeError(`producer.id must be a string, not ${kind(id)}`);
  const size = new TextEncoder().encode(id).length;
  if (size < 1 || size > 128) throw new RangeError(`producer.id must have 1 to 128 bytes, not ${size}`);
  return { id, epoch: epoch === undefined ? 0 : whole("producer.epoch", epoch) };
}

/** A whole number of at least `least`. */
export function whole(name: string, value: unknown, least = 0, most = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== "number") throw new TypeError(`${name} must be a number, not ${kind(value)}`);
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} must be a whole number from ${least} to ${most}, not ${value}`);
  }
  return value;
}

/** Milliseconds that a timer can wait. */
export function timer(name: string, value: unknown, least = 0): number {
  return whole(name, value, least, LONGEST_TIMER_MS);
}

export function flag(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw new TypeError(`${name} must be true or false, not ${kind(value)}`);
  return value;
}

export function oneOf<T extends string>(name: string, value: T, accepted: readonly T[]): T {
  if (!accepted.includes(value)) {
    const words = accepted.map((each) => JSON.stringify(each)).join(" or ");
    throw new TypeError(`${name} must be ${words}, not ${typeof value === "string" ? shown(value) : kind(value)}`);
  }
  return value;
}

export function signal(value: unknown): void {
  if (value === undefined) return;
  const candidate = typeof value === "object" && value !== null ? value as Partial<AbortSignal> : {};
  if (typeof candidate.aborted !== "boolean" || typeof candidate.addEventListener !== "function") {
    throw new TypeError(`signal must be an AbortSignal, not ${kind(value)}`);
  }
}

export function listener(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function") {
    throw new TypeError(`${name} must be a function, such as (trimmed) => console.warn(trimmed.before), not ${kind(value)}`);
  }
}

/** Options must have known names: one that is misspelt would be ignored. */
export function known(name: string, value: unknown, names: readonly string[]): void {
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
    throw new TypeError(`${name} must be an object with ${names.join(", ")}, not ${kind(value)}`);
  }
  for (const each of Object.keys(value)) {
    if (!names.includes(each)) throw new TypeError(`${name} must be an object with ${names.join(", ")}: there is no ${shown(each)}`);
  }
}

/** What something is, for a message. */
function kind(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value !== "object") return typeof value;
  return value.constructor?.name ?? "object";
}

function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
