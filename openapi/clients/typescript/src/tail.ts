/** Following a key over server-sent events, with resume. */

import { EventSourceParserStream } from "eventsource-parser/stream";

import type { Retry } from "./client.js";
import { DeadlineExceeded, errorOf, LogError, Overloaded, Unavailable, UnexpectedAnswer } from "./errors.js";
import { encode, type LogRecord, record } from "./records.js";

/** The server sends a comment every 15 s by default; a connection that is silent for longer is dead. */
const SILENCE_MS = 60_000;

/** After these the same stream may be asked for again. */
const PASSING = [Overloaded, Unavailable, DeadlineExceeded, UnexpectedAnswer];

/** Where a stream comes from. */
export interface Source {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly retry: Retry;
  /** Whether nothing can come from a sequence on. (A stream ends at its end and also with its server.) */
  readonly isOver: (position: number) => Promise<boolean>;
}

/** The records of `key` from `start` on. As many connections in a row as there are attempts may bring nothing. */
export async function* tail(
  source: Source, key: Uint8Array, start: number, end: number | undefined,
): AsyncGenerator<LogRecord> {
  let last: number | undefined;
  let failed = 0;
  for (;;) {
    let failure: LogError;
    try {
      for await (const found of oneConnection(source, key, start, end, last)) {
        last = found.sequence;
        failed = 0;
        yield found;
      }
      if (end !== undefined && (await source.isOver(last === undefined ? start : last + 1))) return;
      failure = new Unavailable("the server ended the stream");
    } catch (error) {
      if (!(error instanceof LogError)) {
        failure = new Unavailable(`the stream broke: ${error}`, { cause: error });
      } else if (PASSING.some((kind) => error instanceof kind)) {
        failure = error;
      } else {
        throw error;
      }
    }
    failed += 1;
    if (failed >= source.retry.attempts) throw failure;
    await new Promise((resolve) => setTimeout(resolve, failure.retryAfterMs ?? source.retry.pauseMs));
  }
}

async function* oneConnection(
  source: Source, key: Uint8Array, start: number, end: number | undefined, last: number | undefined,
): AsyncGenerator<LogRecord> {
  const query = new URLSearchParams({ key_base64: encode(key), start_seq: String(start) });
  if (end !== undefined) query.set("end_seq", String(end));
  const headers: Record<string, string> = { ...source.headers, Accept: "text/event-stream" };
  if (last !== undefined) headers["Last-Event-ID"] = String(last);

  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const response = await fetch(`${source.url}/api/v1/log/stream?${query}`, { headers, signal: silence.signal });
    if (response.status === 204) return;
    if (response.status !== 200 || response.body === null) {
      throw errorOf(await response.json().catch(() => undefined), response.headers, response.status);
    }
    const heard = new TransformStream<string, string>({
      transform(text, to) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        to.enqueue(text);
      },
    });
    const text = response.body.pipeThrough(new TextDecoderStream());
    for await (const event of text.pipeThrough(heard).pipeThrough(new EventSourceParserStream())) {
      const content = JSON.parse(event.data);
      if (event.event === "error") throw errorOf(content, response.headers);
      yield record(content);
    }
  } finally {
    clearTimeout(timer);
    silence.abort();
  }
}
