// JSON as it is written: indented without changing a number, an escape or the order of a name; and answers whose numbers are exact.

/** The text with one value on each line, or null if it is not JSON. Numbers and strings stay as they are written. */
export function indented(text) {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const out = [];
  let depth = 0;
  const line = () => out.push(`\n${"  ".repeat(Math.min(depth, 40))}`);
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s[\]{}:,"]+/g)) {
    const last = out.at(-1);
    if (token === "}" || token === "]") {
      depth -= 1;
      if (last !== "{" && last !== "[") line();
      out.push(token);
      continue;
    }
    if (last === "{" || last === "[") line();
    out.push(token === ":" ? ": " : token);
    if (token === "{" || token === "[") depth += 1;
    if (token === ",") line();
  }
  return out.join("");
}

const LONG_NUMBER = /[\s:,[]\d{16,}/;

/** An answer of the server. Numbers that JavaScript would round are strings of their digits. */
export function parsed(text) {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_name, value, context) =>
    typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && context?.source ? context.source : value);
}
