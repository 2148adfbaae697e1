/** Answers of the server, as what was asked for or as the error that they are. */

import type { AppendPart } from "./appended.js";
import { bytesOf } from "./base64.js";
import { Behind, CLASSES, type Details, type FailedPrecondition, LogError, ProducerOutOfOrder, UnexpectedAnswer } from "./errors.js";

/** The fields that an answer must have; others may be there. */
export type Shape = { readonly [field: string]: "string" | "number" | readonly [Shape] };

export const VALUE: Shape = { sequence: "number", value: "string", timestampMs: "number" };
export const HEADERS: Shape = { headers: [{ name: "string", value: "string" }] };
export const APPENDED: Shape = { startSequence: "number", recordsAppended: "number" };
export const PAGE: Shape = { nextSequence: "number", values: [VALUE] };
export const UNORDERED: Shape = { values: [VALUE], positions: [{ partition: "number", nextSequence: "number" }] };
export const COUNTED: Shape = { count: "number" };
export const TRIMMED: Shape = { trimmedBefore: "number" };
export const KEYS: Shape = { keys: [{ key: "string" }] };
export const SEGMENTS: Shape = { segments: [{ id: "number", startSeq: "number", startTimeMs: "number" }] };
export const CURSOR: Shape = { name: "string", position: "number", updatedMs: "number", lag: "number" };
export const CURSORS: Shape = { cursors: [CURSOR] };
export const DELETED: Shape = {};
const PART: Shape = { partition: "number", outcome: "string", count: "number" };
export const PARTS: Shape = { parts: [PART] };
const CONFLICT: Shape = { key: "string" };
const REFUSAL: Shape = { status: "string", code: "string", message: "string" };

export type Answer<T> = { data?: T; error?: unknown; response: Response };

/** What comes before a body; an event within a stream has no status of its own. */
export type Head = { readonly status?: number; readonly headers: Headers };

/** With these, what is in between refuses a request that it does not pass on. */
export const REFUSED_ON_THE_WAY: readonly (number | undefined)[] = [401, 408, 411, 413, 414, 415, 417, 429, 431];

/** An append that took too long may have been applied, unless the message says this: the body did not arrive in time. */
export const NOT_APPLIED = "nothing was applied";

/** Added to the message of `behind`: the server cannot know what this client remembers. */
const ANOTHER_LOG = "; if there is another log at this address by now, or one that was restored from a backup, it does not have what this client "
  + "remembers: begin again with a new client, or pass atLeast: 0";

/** What was asked for by `request`, if it is that; throws what the server said instead. */
export function answered<T>({ data, error, response }: Answer<T>, shape: Shape, request: string): T {
  if (!response.ok) throw errorOf(error, response, request);
  if (data !== undefined && fits(data, { status: "string", ...shape }) && data.status === "success") return data;
  const { status } = response;
  throw new UnexpectedAnswer(`an answer that no log server gives: status ${status}`, { status, request });
}

/** Whether something that came from outside has the fields of `shape`. */
export function fits<T>(told: T, shape: Shape): told is T & Record<string, unknown> {
  if (typeof told !== "object" || told === null) return false;
  const fields = told as Record<string, unknown>;
  return Object.entries(shape).every(([name, kind]) => {
    const field = fields[name];
    if (typeof kind === "string") return typeof field === kind;
    return Array.isArray(field) && field.every((each) => fits(each, kind[0]));
  });
}

/** The error that the server told in `told`. Who tells of another one is no log server that this client knows. */
export function errorOf(told: unknown, { status, headers }: Head, request: string): LogError {
  const requestId = headers.get("x-request-id") ?? undefined;
  const details = { status, retryAfterMs: retryAfterMs(headers), requestId, request, parts: partsOf(told) };
  if (!fits(told, REFUSAL) || told.status !== "error") {
    return new UnexpectedAnswer(`an answer that no log server gives: status ${status}`, details);
  }
  const kind = CLASSES.get(String(told.code));
  if (kind !== undefined) return withDetails(kind, told, details);
  return new UnexpectedAnswer(`an error that no log server tells: ${told.code}: ${told.message}`, details);
}

function withDetails(kind: typeof LogError, told: Record<string, unknown>, details: Details): LogError {
  const message = `${told.message}${kind === Behind ? ANOTHER_LOG : ""}`;
  const strange = (): UnexpectedAnswer => new UnexpectedAnswer(`an answer that no log server gives: ${message}`, details);
  const expectedSequence = number(told.expectedSequence);
  if (kind === ProducerOutOfOrder && expectedSequence === undefined) return strange();
  if (!fits(told.conflict, CONFLICT)) return new kind(message, { ...details, expectedSequence });
  const { lastSequence, trimmedBefore, cursor, position } = told.conflict;
  const key = bytesOf(String(told.conflict.key));
  if (key === undefined) return strange();
  const conflict: FailedPrecondition = {
    key, lastSequence: number(lastSequence), trimmedBefore: number(trimmedBefore),
    cursor: typeof cursor === "string" ? cursor : undefined, position: number(position),
  };
  return new kind(message, { ...details, conflict });
}

/** What was told of the parts of an append. */
export function partsOf(told: unknown): AppendPart[] {
  if (!fits(told, PARTS)) return [];
  return (told.parts as Record<string, unknown>[]).map(({ partition, outcome, count, startSequence, code, message }) => ({
    partition: Number(partition), outcome: outcome as AppendPart["outcome"], count: Number(count), start: number(startSequence),
    code: text(code), message: text(message),
  }));
}

function text(told: unknown): string | undefined {
  return typeof told === "string" ? told : undefined;
}

function number(told: unknown): number | undefined {
  return typeof told === "number" ? told : undefined;
}

/** `Retry-After` is a number of seconds or a date; what is neither says nothing. */
function retryAfterMs(headers: Headers): number | undefined {
  const after = headers.get("retry-after") ?? "";
  if (/^\d+$/.test(after)) return Number(after) * 1000;
  const at = after.endsWith("GMT") ? Date.parse(after) : NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
