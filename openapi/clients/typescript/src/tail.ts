/** Following a key over server-sent events, with resume. */

import { createParser, type EventSourceMessage } from "eventsource-parser";

import { errorOf, fits, type Head, TRIMMED, VALUE } from "./answers.js";
import type { Cluster } from "./cluster.js";
import { Behind, DeadlineExceeded, LogError, Overloaded, Unavailable, UnexpectedAnswer } from "./errors.js";
import type { components } from "./generated/schema.js";
import { reason } from "./network.js";
import type { About } from "./partitions.js";
import { type LogRecord, record } from "./records.js";
import type { Connections } from "./retry.js";
import { Notice } from "./trimmed.js";

/** The server sends a comment every 15 s by default; a connection that is silent for longer is dead. */
const SILENCE_MS = 60_000;

/** A client that takes events alone would be told errors as events, and no status. */
const EVENTS_OR_ERRORS = "text/event-stream, application/json";

/** After these the same stream may be asked for again. */
const PASSING = [Overloaded, Unavailable, Behind, DeadlineExceeded, UnexpectedAnswer];

/** Where a stream comes from. */
export interface Source {
  /** That of the next connection to a server. */
  readonly url: (server: string) => string;
  readonly cluster: Cluster;
  readonly about: About;
  /** What errors call it. */
  readonly request: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
  /** What is left after a sequence, or at all. (A stream ends at its end and also with its server.) */
  readonly rest: (last: number | undefined) => Promise<Rest>;
  /** Told of each record: its sequence, and the headers of the stream that it came in. */
  readonly seen: (sequence: number, headers: Headers) => void;
}

/** What is left of a tail whose stream has ended. */
export interface Rest {
  /** Whether nothing can come any more. */
  readonly isOver: boolean;
  /** The floor of the log, if it is beyond where the tail is. */
  readonly trimmedBefore?: number | undefined;
}

/** The records of a source, over as many connections as it takes, and notices of what was trimmed. */
export async function* tail(source: Source, connections: Connections): AsyncGenerator<LogRecord | Notice> {
  let last: number | undefined;
  let floor = 0;
  // A stream that is asked for again before the next record tells the same floor again.
  const isNew = (before: number): boolean => {
    if (before <= floor) return false;
    floor = before;
    return true;
  };
  for (;;) {
    let failure: LogError;
    try {
      for await (const found of oneConnection(source, last, connections)) {
        connections.answered();
        if (found instanceof Notice) {
          if (isNew(found.before)) yield found;
          continue;
        }
        last = found.sequence;
        yield found;
      }
      const { isOver, trimmedBefore } = await source.rest(last);
      if (trimmedBefore !== undefined && isNew(trimmedBefore)) yield new Notice(trimmedBefore);
      if (isOver) return;
      failure = new Unavailable("the server ended the stream", { request: source.request });
    } catch (error) {
      source.signal?.throwIfAborted();
      if (!(error instanceof LogError)) {
        failure = new Unavailable(`the stream broke: ${reason(error)}`, { cause: error, request: source.request });
      } else if (PASSING.some((kind) => error instanceof kind)) {
        failure = error;
      } else {
        throw error;
      }
    }
    await connections.failed(failure, source.signal);
  }
}

async function* oneConnection(
  source: Source, last: number | undefined, connections: Connections,
): AsyncGenerator<LogRecord | Notice> {
  const headers: Record<string, string> = { ...source.headers, Accept: EVENTS_OR_ERRORS };
  if (last !== undefined) headers["Last-Event-ID"] = String(last);
  const left = new AbortController();
  const signal = source.signal === undefined ? left.signal : AbortSignal.any([left.signal, source.signal]);
  /** What comes of `doing`, unless there is silence for too long. */
  const heard = async <T>(doing: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => left.abort(), SILENCE_MS);
    return doing.finally(() => clearTimeout(timer));
  };
  try {
    const { response } = await source.cluster.ask(
      source.about, async (server) => ({ response: await heard(fetch(source.url(server), { headers, signal })) }));
    if (response.status === 204) return;
    if (response.status !== 200 || response.body === null) {
      throw errorOf(await heard(response.json()).catch(() => undefined), response, source.request);
    }
    const kind = response.headers.get("content-type") ?? "";
    if (!kind.startsWith("text/event-stream")) {
      throw new UnexpectedAnswer(`a stream that no log server gives: ${kind}`, {
        status: response.status, request: source.request,
      });
    }
    const events: EventSourceMessage[] = [];
    const parser = createParser({ onEvent: (event) => events.push(event) });
    const decoder = new TextDecoder();
    // A loop, as not every browser can iterate over a stream.
    const body = response.body.getReader();
    for (;;) {
      const { done, value } = await heard(body.read());
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      for (const found of records(events.splice(0), { headers: response.headers }, source.request)) {
        if (!(found instanceof Notice)) source.seen(found.sequence, response.headers);
        yield found;
      }
      // Comments count as well.
      connections.answered();
    }
  } finally {
    left.abort();
  }
}

function* records(events: EventSourceMessage[], head: Head, request: string): Generator<LogRecord | Notice> {
  for (const event of events) {
    if (event.event === "error") throw errorOf(parsed(event.data), head, request);
    const isNotice = event.event === "trimmed";
    // Other events are those of a newer server, for newer clients.
    if (event.event !== undefined && event.event !== "message" && !isNotice) continue;
    const content = parsed(event.data);
    if (!fits(content, isNotice ? TRIMMED : VALUE)) {
      throw new UnexpectedAnswer(`an event that no log server sends: ${event.data.slice(0, 200)}`, { request });
    }
    if (isNotice) yield new Notice(Number((content as Record<string, unknown>).trimmedBefore));
    else yield record(content as components["schemas"]["Value"], request);
  }
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
