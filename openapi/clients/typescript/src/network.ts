/** Why there was no answer, and whether the request left this machine. */

/** What a request ends in that was never sent, as Node.js tells it; browsers do not tell. */
const NOT_SENT = new Set([
  "ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL", "UND_ERR_CONNECT_TIMEOUT",
  // The certificate of the server is not trusted.
  "CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID", "CERT_REVOKED", "CERT_UNTRUSTED", "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID", "INVALID_CA", "SELF_SIGNED_CERT_IN_CHAIN", "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  // What answers knows no TLS, or not the version.
  "EPROTO", "ERR_SSL_PACKET_LENGTH_TOO_LONG", "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "ERR_SSL_UNSUPPORTED_PROTOCOL",
  "ERR_SSL_WRONG_VERSION_NUMBER",
]);

interface Told {
  readonly code?: string;
  readonly syscall?: string;
}

/** Whether `error` says that the request was certainly not sent. */
export function wasNotSent(error: unknown): boolean {
  return causes(error).some((cause) => {
    const { code, syscall } = cause as Told;
    const inHandshake = cause.message.includes("before secure TLS connection was established");
    // `fetch` sends nothing to the ports of other protocols.
    return inHandshake || cause.message === "bad port" || syscall === "connect" || (code !== undefined && NOT_SENT.has(code));
  });
}

/**
 * Whether `error` says that a part of the request was not sent, so that nobody can have read a whole one.
 *
 * Nothing but the request is written to a connection without TLS: when a write fails, a part of the request is left.
 */
export function wasNotSentWhole(error: unknown, url: string): boolean {
  return url.startsWith("http:") && causes(error).some((cause) => (cause as Told).syscall === "write");
}

/** Why it failed, down to the cause: "fetch failed" alone says nothing. */
export function reason(error: unknown): string {
  const words = causes(error).map((cause) => cause.message || String((cause as Told).code ?? cause.name));
  return [...new Set(words)].join(": ") || String(error);
}

/** An error, what caused it, and so on; of several attempts to connect, each. */
function causes(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error) || depth > 5) return [];
  const several = error instanceof AggregateError ? error.errors.flatMap((each) => causes(each, depth + 1)) : [];
  const own = several.length > 0 && error.message === "" ? [] : [error];
  return [...own, ...several, ...causes(error.cause, depth + 1)];
}
