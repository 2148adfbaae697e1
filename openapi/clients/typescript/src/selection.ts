/** Which keys are read: one, several, or all that begin with a prefix. */

import * as check from "./arguments.js";
import { encode } from "./base64.js";
import { type About, about, tagIn } from "./partitions.js";

/** All keys that begin with this. With an empty prefix, the whole log. */
export interface Prefix {
  readonly prefix: Uint8Array;
}

/** These keys: 1 to 1,000, which together take at most 24 KiB in base64. */
export interface Keys {
  readonly keys: readonly Uint8Array[];
}

/** A key, or what selects several: `{ prefix }` or `{ keys }`. */
export type Selection = Uint8Array | Prefix | Keys;

const MOST_KEYS = 1000;

/** A server takes heads of 64 KiB, and what is in between often half of that. */
const MOST_URL_BYTES = 24 * 1024;

/** The same, checked, and as it is now. */
export function kept(selection: Selection): Selection {
  selected(selection);
  return "keys" in selection && Array.isArray(selection.keys) ? { keys: [...selection.keys] } : selection;
}

/** The parameters for a selection. */
export function selected(selection: Selection): { key_base64?: string; prefix_base64?: string; keys_base64?: string[] } {
  if (typeof selection !== "object" || selection === null || ArrayBuffer.isView(selection) || Array.isArray(selection)) {
    return { key_base64: encode(check.bytes("key", selection)) };
  }
  if ("prefix" in selection) {
    check.known("key", selection, ["prefix"]);
    return { prefix_base64: encode(check.bytes("prefix", selection.prefix)) };
  }
  check.known("key", selection, ["keys"]);
  if (!Array.isArray(selection.keys)) throw new TypeError("key must be a Uint8Array, { prefix: bytes } or { keys: [bytes] }");
  const keys = selection.keys.map((key: unknown, at: number) => encode(check.bytes(`keys[${at}]`, key)));
  if (keys.length < 1 || keys.length > MOST_KEYS) {
    throw new RangeError(`keys must be 1 to ${MOST_KEYS}, not ${keys.length}: a prefix selects any number of keys`);
  }
  if (keys.reduce((sum, key) => sum + key.length, 0) > MOST_URL_BYTES) {
    throw new RangeError(`keys must have at most ${MOST_URL_BYTES} bytes in base64 together: read by prefix, or in several calls`);
  }
  return { keys_base64: keys };
}

/** What a read of a checked selection is about. That of a prefix without a whole tag is of the partition that is given. */
export function aboutSelection(selection: Selection, partition: number | undefined): About {
  if (partition !== undefined) return { partition };
  if (ArrayBuffer.isView(selection)) return about(selection as Uint8Array);
  if ("prefix" in selection) return { tag: tagIn(selection.prefix) };
  const [first] = selection.keys;
  return first === undefined ? {} : about(first);
}
