// Requests to the server that the page came from, and its errors in words.

import { parsed } from "./json.js";

/** Where the server is: this file is in `console/` below it, whatever path a proxy puts both at. */
export const ROOT = new URL("..", import.meta.url);

/** How long an answer may take. Reads end on the server within 30 s by default. */
const PATIENCE_MS = 45_000;

/** An answer that is no success, or none at all (status 0). */
export class ApiError extends Error {
  constructor(status, code, message, details = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    Object.assign(this, details);
  }
}

export function url(path, query = {}) {
  const address = new URL(path, ROOT);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) address.searchParams.append(name, value);
  }
  return address;
}

/** Sends a request; answers with the response, whose status is a success. Throws an ApiError, or an AbortError if `signal` says so. */
export async function send(path, { query, method = "GET", body, token, signal, accept = "application/json", patience = PATIENCE_MS } = {}) {
  const headers = { accept };
  if (token) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const timer = patience && AbortSignal.timeout(patience);
  const signals = [signal, timer].filter(Boolean);
  const change = method !== "GET";
  let answer;
  try {
    answer = await fetch(url(path, query), {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      signal: signals.length ? AbortSignal.any(signals) : undefined, cache: "no-store", credentials: "same-origin",
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    const late = error.name === "TimeoutError";
    throw new ApiError(0, late ? "late" : "unreachable", late ? `no answer within ${patience / 1000} s` : "the server cannot be reached", { change });
  }
  if (answer.ok) return answer;
  throw Object.assign(await failure(answer), { change });
}

/** What an answer that is no success says. */
export async function failure(answer) {
  const text = await answer.text().catch(() => "");
  const details = { retryAfter: Number(answer.headers.get("retry-after")) || null, requestId: answer.headers.get("x-request-id") };
  try {
    const said = parsed(text);
    if (said.status === "error") return new ApiError(answer.status, said.code, said.message, { ...details, conflict: said.conflict });
  } catch {
    // It is from somebody between the server and here.
  }
  return new ApiError(answer.status, "unexpected", `status ${answer.status} from something between this page and the server`, details);
}

/** The JSON that a request is answered with. */
export async function call(path, options) {
  return parsed(await (await send(path, options)).text());
}

const WORDS = {
  unauthenticated: ["Sign in", "This server asks for a token, and this one has not been given or is not known any more."],
  permission_denied: ["Not allowed", "The token does not have the right for this."],
  overloaded: ["The server is overloaded", "It has no room for more requests of this kind now."],
  unavailable: ["The server is not available", "It is starting, stopping, or cannot reach its storage."],
  behind: ["The server is behind", "It does not show the log that far yet."],
  fenced: ["Another server took over", "This server no longer serves the log. Use the one that took it over."],
  deadline_exceeded: ["It took too long", "The server gave up."],
  not_writer: ["This server is read-only", "Another server writes this log."],
  conflict: ["Somebody was faster", ""],
  too_large: ["Too large", ""],
  invalid_argument: ["The server refused this", ""],
  not_found: ["Not found", ""],
  internal: ["The server failed", "This is a bug, or damaged data. The server's log has more, under the request id."],
  unreachable: ["The server cannot be reached", "It may be restarting, or the connection to it is broken."],
  late: ["No answer", "The server did not answer in time."],
};

/** What errors say of a change that they ended. */
const NOT_APPLIED = new Set(["overloaded", "unavailable", "not_writer", "conflict", "too_large", "invalid_argument"]);
const PERHAPS_APPLIED = new Set(["deadline_exceeded", "late"]);

function changed({ change, code }) {
  if (!change) return "";
  if (NOT_APPLIED.has(code)) return "Nothing was applied.";
  return PERHAPS_APPLIED.has(code) ? "It may have been applied: look before you repeat it." : "";
}

/** An error in words: a title, what it means, and what the server said. */
export function inWords(error) {
  if (!(error instanceof ApiError)) return { title: "The console failed", meaning: "This is a bug of the console.", said: String(error) };
  const [title, words] = WORDS[error.code] ?? [`Status ${error.status}`, ""];
  const said = error.status === 0 ? "" : error.message;
  return { title, meaning: [words, changed(error)].filter(Boolean).join(" "), said };
}
