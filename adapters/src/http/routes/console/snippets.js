// The same append as a command or a program.

import { ROOT } from "./api.js";
import { textOf, toBase64 } from "./bytes.js";

const URL_OF = ROOT.href.replace(/\/$/, "");

/** A word for a shell. */
export const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** Bytes as a literal of Python. */
function literal(bytes) {
  const text = textOf(bytes);
  const ascii = text !== null && /^[\x20-\x7e\n]*$/.test(text);
  if (ascii) return `b${JSON.stringify(text)}`;
  const hex = Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`));
  return `b"${hex.join("")}"`;
}

/** The body of the request. */
export function bodyOf({ key, value, headers, durable, unchangedSince }) {
  const field = (name, bytes) => {
    const text = textOf(bytes);
    return text === null ? { [name]: toBase64(bytes) } : { [`${name}Text`]: text };
  };
  const record = { ...field("key", key), ...field("value", value) };
  if (headers.length > 0) record.headers = headers.map(({ name, value: text }) => ({ name, valueText: text }));
  const body = { records: [record] };
  if (durable) body.awaitDurable = true;
  if (unchangedSince !== null) body.preconditions = [{ ...field("key", key), noRecordSince: unchangedSince }];
  return body;
}

export function curl(append, withToken) {
  const lines = [`curl ${quoted(`${URL_OF}/api/v1/log/append`)}`, "-H 'Content-Type: application/json'"];
  if (withToken) lines.push('-H "Authorization: Bearer $LOG_TOKEN"');
  lines.push(`-d ${quoted(JSON.stringify(bodyOf(append)))}`);
  return lines.join(" \\\n  ");
}

export function python({ key, value, headers, durable, unchangedSince }, withToken) {
  const parts = [literal(key), literal(value)];
  if (headers.length > 0) parts.push(`[${headers.map(({ name, value: text }) => `(${JSON.stringify(name)}, ${literal(new TextEncoder().encode(text))})`).join(", ")}]`);
  const options = [`[(${parts.join(", ")})]`];
  if (durable) options.push("await_durable=True");
  if (unchangedSince !== null) options.push(`if_no_record_since={${literal(key)}: ${unchangedSince}}`);
  return [
    ...(withToken ? ["import os", ""] : []),
    "from opendata_log import LogClient",
    "",
    `with LogClient(${JSON.stringify(URL_OF)}${withToken ? ', token=os.environ["LOG_TOKEN"]' : ""}) as log:`,
    `    print(log.append(${options.join(", ")}))`,
  ].join("\n");
}

export function commandLine({ key, value, headers, durable, unchangedSince }, withToken) {
  if (headers.some(({ name }) => name.includes("="))) return "# The command line takes no header whose name has a =. Use curl for this one.";
  const keyText = textOf(key);
  const valueText = textOf(value);
  // An argument cannot have a NUL, and has a limited length.
  const keyAsWord = keyText !== null && !keyText.includes("\0");
  const valueAsWord = valueText !== null && !valueText.includes("\0") && valueText.length < 100_000;
  const words = ["opendata-log append", "--url", quoted(URL_OF)];
  if (durable) words.push("--durable");
  if (unchangedSince !== null) words.push("--if-unchanged-since", String(unchangedSince));
  for (const { name, value: text } of headers) words.push(name.startsWith("-") ? `--header=${quoted(`${name}=${text}`)}` : `--header ${quoted(`${name}=${text}`)}`);
  if (!keyAsWord) words.push("--key-base64", toBase64(key));
  const given = [...(keyAsWord ? [keyText] : []), ...(valueAsWord ? [valueText] : [])];
  if (given.some((word) => word.startsWith("-"))) words.push("--");
  words.push(...given.map(quoted));
  const command = words.join(" ");
  const comment = withToken ? "# The token is in LOG_TOKEN.\n" : "";
  return `${comment}${valueAsWord ? command : `echo ${toBase64(value)} | base64 -d | ${command}`}`;
}
