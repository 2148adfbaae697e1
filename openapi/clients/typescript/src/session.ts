/** One append session: frames are sent on one request, and answered in the same order while it lasts. */

import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, sizeDelimitedPeek, WireType } from "@bufbuild/protobuf/wire";
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";

import { errorOf, NOT_APPLIED } from "./answers.js";
import { encode } from "./base64.js";
import type { Cluster } from "./cluster.js";
import { DeadlineExceeded, type Details, LogError, NotWriter, OutcomeUnknown, Overloaded, Unavailable, UnexpectedAnswer } from "./errors.js";
import { type AppendResponse, AppendResponseSchema, type ErrorResponse, ErrorResponseSchema } from "./generated/log_pb.js";
import { reason, wasNotSent } from "./network.js";
import type { Retry } from "./retry.js";

/** The path of sessions. */
export const SESSION = "/api/v1/log/session";

/** No answer to an append is longer. */
const LARGEST_ANSWER = 1024 * 1024;

/** A connection on which nothing moves is asked after this whether the other side is there. */
const KEEPALIVE_MS = 15_000;

/** Such an answer ends with its connection, also when that breaks: nobody can tell whether the session ended in order. */
const WITHOUT_AN_END = "the answer to a session must be chunked, as over HTTP/1.1: what ends with its connection, as over HTTP/1.0, does not say "
  + "whether it is whole; a proxy in between may be the reason";

/** Where a session is opened. */
export interface Place {
  readonly url: string;
  /** The partition of the session. Undefined: it is not known, or there is only one. */
  readonly partition?: number | undefined;
  readonly cluster: Cluster;
  readonly headers: Readonly<Record<string, string>>;
  readonly retry: Retry;
  /** What errors call the request. */
  readonly request: string;
  /** How long it may take until it is open. */
  readonly timeoutMs: number;
}

/** What comes from a session: an answer, an error that is one, that the server has ended it in order, or that it broke. */
export type Told = AppendResponse | LogError | "end" | { readonly broken: LogError };

/** A session that is open. */
export class Session {
  readonly #place: Place;
  readonly #request: ClientRequest;
  readonly #response: IncomingMessage;
  readonly #changed: () => void;
  #frames: Uint8Array[] = [];
  #added = 0;
  #taken = 0;
  #isEnding = false;
  #received: Uint8Array = new Uint8Array();
  readonly #told: Told[] = [];
  #isOver = false;

  /** `changed` is called when something came. */
  private constructor(place: Place, request: ClientRequest, response: IncomingMessage, changed: () => void) {
    this.#place = place;
    this.#request = request;
    this.#response = response;
    this.#changed = changed;
    const broke = (error: unknown): void => this.#end({ broken: broken(reason(error), this.#details) });
    request.on("error", broke);
    response.on("error", broke);
    response.on("data", (data: Uint8Array) => this.#receive(data));
    response.on("end", () => this.#end(this.#received.length === 0 ? "end" : { broken: broken("it ended within an answer", this.#details) }));
    response.on("close", () => broke(new Error("the connection was closed")));
  }

  /** Opens a session. Nothing is applied before it is open. */
  static async open(place: Place, changed: () => void, signal: AbortSignal | undefined): Promise<Session> {
    const unavailable = (cause: unknown): Unavailable => new Unavailable(
      `no session can be opened: ${reason(cause)}`, { retryAfterMs: place.retry.pauseMs, request: place.request, cause });
    const request = await started(place);
    const stop = (): void => void request.destroy(new Error("it was given up"));
    const timer = setTimeout(() => request.destroy(new Error("there was silence for too long")), place.timeoutMs);
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request.once("error", reject);
        request.once("response", resolve);
        // The answer comes while nothing was sent yet but this.
        request.flushHeaders();
      });
      const kind = response.headers["content-type"] ?? "";
      if (response.statusCode === 200 && kind.startsWith("application/protobuf")) {
        const { "transfer-encoding": coding, "content-length": length } = response.headers;
        if (coding === undefined && length === undefined) throw new UnexpectedAnswer(WITHOUT_AN_END, { status: 200, request: place.request });
        return new Session(place, request, response, changed);
      }
      const text: string[] = [];
      for await (const piece of response.setEncoding("utf8")) text.push(String(piece));
      request.destroy();
      throw refusal(text.join(""), response, place);
    } catch (error) {
      request.on("error", () => undefined);
      request.destroy();
      signal?.throwIfAborted();
      if (wasNotSent(error)) place.cluster.unreachable(place.url);
      throw error instanceof LogError ? error : unavailable(error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  get #details(): Details {
    const id = this.#response.headers["x-request-id"];
    return { request: this.#place.request, requestId: typeof id === "string" ? id : undefined };
  }

  /** Sends a frame, with the next `flush`; returns where it ends, for `giveUp`. */
  add(frame: Uint8Array): number {
    this.#frames.push(frame);
    this.#added += frame.length;
    return this.#added;
  }

  /** Nothing is sent any more: the server ends it when it has answered. */
  end(): void {
    this.#isEnding = true;
  }

  /** Sends what was added. From here on it may have been sent. */
  flush(): void {
    if (this.#isOver) return;
    if (this.#frames.length > 0) {
      this.#request.write(Buffer.concat(this.#frames));
      this.#frames = [];
      this.#taken = this.#added;
    }
    if (this.#isEnding && !this.#request.writableEnded) this.#request.end();
  }

  /** What came next, if anything did. */
  next(): Told | undefined {
    return this.#told.shift();
  }

  /** Whether nothing came that was not handed out. */
  get isQuiet(): boolean {
    return this.#told.length === 0;
  }

  /** Nothing is sent or received any more. Frames that end behind what is returned were not sent whole. */
  giveUp(): number {
    this.#isOver = true;
    this.#request.destroy();
    return this.#taken;
  }

  #end(told: Told): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#told.push(told);
    if (typeof told === "object") this.#request.destroy();
    this.#changed();
  }

  #receive(data: Uint8Array): void {
    if (this.#isOver) return;
    let rest = this.#received.length === 0 ? data : Buffer.concat([this.#received, data]);
    try {
      for (;;) {
        const { eof, offset, size } = sizeDelimitedPeek(rest);
        if (eof || size === null || offset === null) break;
        if (size > LARGEST_ANSWER) throw new RangeError("too long");
        if (rest.length < offset + size) break;
        this.#told.push(this.#answer(rest.subarray(offset, offset + size)));
        rest = rest.subarray(offset + size);
      }
    } catch {
      this.#end({ broken: broken("what came is not from a log server", this.#details) });
      return;
    }
    this.#received = rest;
    this.#changed();
  }

  #answer(message: Uint8Array): AppendResponse | LogError {
    const status = statusOf(message);
    if (status === "success") return fromBinary(AppendResponseSchema, message);
    if (status !== "error") throw new TypeError("neither");
    const error = fromBinary(ErrorResponseSchema, message);
    const headers = new Headers();
    const { requestId } = this.#details;
    if (requestId !== undefined) headers.set("x-request-id", requestId);
    return passing(errorOf(asJson(error), { headers }, this.#place.request), this.#place);
  }
}

/** The error of a session that broke: what was sent may have been applied. */
export function broken(why: string, details: Details): OutcomeUnknown {
  return new OutcomeUnknown(`the session broke before the append was answered: ${why}`, details);
}

/** The request of a session, over HTTP/1.1. Browsers and `fetch` read no answer while they send. */
async function started({ url, partition, headers }: Place): Promise<ClientRequest> {
  const { protocol } = new URL(url);
  // Bundlers for browsers need not know it.
  const name: string = protocol === "https:" ? "node:https" : "node:http";
  let http: typeof import("node:http");
  try {
    http = await import(name) as typeof import("node:http");
  } catch (cause) {
    throw new TypeError("appendMany needs Node.js: a browser reads no answer while it sends; call append", { cause });
  }
  const options: RequestOptions = {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/protobuf; delimited=true", Accept: "application/json", "Transfer-Encoding": "chunked" },
    // A connection of its own, which ends with the session.
    agent: false,
  };
  const request = http.request(`${url}${SESSION}${partition === undefined ? "" : `?partition=${partition}`}`, options);
  request.setNoDelay(true);
  request.setSocketKeepAlive(true, KEEPALIVE_MS);
  return request;
}

/** Why a session was not opened. */
function refusal(text: string, response: IncomingMessage, place: Place): LogError {
  const status = response.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, value] of Object.entries(response.headers)) if (typeof value === "string") headers.set(name, value);
  const { request, retry } = place;
  if (status === 200) return new UnexpectedAnswer("an answer that no log server gives: status 200", { status, request });
  const error = errorOf(parsed(text), { status, headers }, request);
  // With such a page, something in between does not reach the server.
  if (error instanceof DeadlineExceeded || (error instanceof UnexpectedAnswer && status >= 500)) {
    return new Unavailable(error.told, { status, requestId: error.requestId, request, retryAfterMs: retry.pauseMs, cause: error });
  }
  return passing(error, place);
}

/** An answer within a session has no `Retry-After`, and another server may answer the next one. */
function passing(error: LogError, { retry, request }: Place): LogError {
  const { told, status, requestId } = error;
  const details = { status, requestId, request, retryAfterMs: retry.pauseMs, cause: error };
  if (error instanceof DeadlineExceeded) return told.includes(NOT_APPLIED) ? new Unavailable(told, details) : new OutcomeUnknown(told, details);
  if (error.retryAfterMs !== undefined) return error;
  for (const kind of [Overloaded, Unavailable, NotWriter]) if (error instanceof kind) return new kind(told, details);
  return error;
}

/** The field `status`, with which both kinds of answers begin: one must not be read as the other. */
function statusOf(message: Uint8Array): string {
  const reader = new BinaryReader(message);
  const [field, type] = reader.tag();
  return field === 1 && type === WireType.LengthDelimited ? reader.string() : "";
}

/** The same error as the server tells it in JSON. */
function asJson({ code, message, conflict, expectedSequence }: ErrorResponse): unknown {
  const number = (value: bigint | undefined): number | undefined => value === undefined ? undefined : Number(value);
  return {
    status: "error", code, message, expectedSequence: number(expectedSequence),
    conflict: conflict === undefined ? undefined : {
      key: encode(conflict.key), lastSequence: number(conflict.lastSequence), trimmedBefore: number(conflict.trimmedBefore),
      cursor: conflict.cursor, position: number(conflict.position),
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
