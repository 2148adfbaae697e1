// Bytes, base64, and text as UTF-8.

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();

/** The bytes that base64 stands for. Throws a SyntaxError for other text. */
export function fromBase64(text) {
  let binary;
  try {
    binary = atob(text.trim());
  } catch {
    throw new SyntaxError("not valid base64");
  }
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

export function toBase64(bytes) {
  const parts = [];
  for (let at = 0; at < bytes.length; at += 0x8000) parts.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  return btoa(parts.join(""));
}

export const utf8 = (text) => ENCODER.encode(text);

/** The text that the bytes are, or null if they are not valid UTF-8. */
export function textOf(bytes) {
  try {
    return STRICT.decode(bytes);
  } catch {
    return null;
  }
}

/** The text, or bytes that are none with `\xff` in the place of those beyond ASCII. */
export function looseText(bytes) {
  const text = textOf(bytes);
  if (text !== null) return text;
  let loose = "";
  for (const byte of bytes) loose += byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  return loose;
}

/** Parameters that name a key or a prefix: `key`, or `key_base64` if it is not text. */
export function named(name, bytes) {
  const text = textOf(bytes);
  // Text with a lone surrogate cannot come from bytes, so text always gives the same bytes again.
  return text === null ? { [`${name}_base64`]: toBase64(bytes) } : { [name]: text };
}

/** The bytes that parameters name, or null if they name none. */
export function bytesNamed(name, params) {
  if (params[`${name}_base64`] !== undefined) {
    try {
      return fromBase64(params[`${name}_base64`]);
    } catch {
      return null;
    }
  }
  return params[name] === undefined ? null : utf8(params[name]);
}

/** Lines of a hex dump, sixteen bytes each: the offset, the bytes, and what of them is printable ASCII. */
export function hexLines(bytes, from, to) {
  const lines = [];
  for (let at = from; at < Math.min(to, bytes.length); at += 16) {
    const row = bytes.subarray(at, Math.min(at + 16, to, bytes.length));
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, "0"));
    const left = hex.slice(0, 8).join(" ");
    const right = hex.slice(8).join(" ");
    const ascii = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "."));
    lines.push(`${at.toString(16).padStart(8, "0")}  ${left.padEnd(23)}  ${right.padEnd(23)}  ${ascii.join("")}`);
  }
  return lines;
}
