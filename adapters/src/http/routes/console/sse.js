// Server-sent events over fetch, because an EventSource cannot send a token. One connection; who follows decides what comes after it.

import { ApiError, failure, url } from "./api.js";

/** The longest event: a record with the largest value, in base64. */
const MOST = 32 * 1024 * 1024;
/** The server sends a comment every 15 s by default; without any for so long, the connection is dead. */
const SILENT_MS = 60_000;

/** Takes text apart into events, however it was cut. */
export class Events {
  #parts = [];
  #length = 0;

  /** The events that are complete with this text. Comments are none. */
  of(text) {
    this.#parts.push(text);
    this.#length += text.length;
    if (this.#length > MOST) throw new ApiError(0, "unexpected", "an event is longer than a record can be");
    // A large event comes in many parts, which are joined once.
    if (!text.includes("\n")) return [];
    const blocks = this.#parts.join("").split("\n\n");
    const rest = blocks.pop();
    this.#parts = [rest];
    this.#length = rest.length;
    return blocks.map(event).filter(Boolean);
  }
}

function event(block) {
  const found = { type: "message", data: [] };
  for (const line of block.split("\n")) {
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    if (name === "event") found.type = value;
    else if (name === "data") found.data.push(value);
    else if (name === "id") found.id = value;
  }
  return found.data.length ? { ...found, data: found.data.join("\n") } : null;
}

/** Calls `onEvents` with what arrives until the stream ends, and `onOpen` once it began. Throws an ApiError, or an AbortError if `signal` says so. */
export async function follow(path, query, { token, signal, onOpen, onEvents }) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENT_MS);
  // Not only event-stream: then refusals have their status.
  const headers = { accept: "text/event-stream, application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  try {
    const answer = await fetch(url(path, query), { headers, signal: AbortSignal.any([signal, silence.signal]), cache: "no-store" });
    if (!answer.ok) throw await failure(answer);
    onOpen();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const events = new Events();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENT_MS);
      const complete = events.of(value);
      if (complete.length) onEvents(complete);
    }
  } catch (error) {
    if (signal.aborted || error instanceof ApiError) throw error;
    throw new ApiError(0, "unreachable", "the connection is broken");
  } finally {
    clearTimeout(timer);
  }
}
