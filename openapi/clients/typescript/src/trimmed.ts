/** What a reader is told of records that were trimmed before they could be read. */

import type { Selection } from "./selection.js";

/** Records that were to be read had been trimmed. Reading continues with what is left. */
export interface Trimmed {
  /** The key that is read, or what selects several. The records that were trimmed may have been those of other keys. */
  readonly key: Selection;
  /** The floor: the first sequence that can still be there. */
  readonly before: number;
}

export type OnTrimmed = (trimmed: Trimmed) => void | Promise<void>;

/** A notice among records. */
export class Notice {
  readonly before: number;

  constructor(before: number) {
    this.before = before;
  }
}

/** The records in their order; `onTrimmed` is told of the notices among them in their place. */
export async function* withoutNotices<T>(
  found: AsyncIterable<T | Notice>, key: Selection, onTrimmed: OnTrimmed | undefined,
): AsyncGenerator<T> {
  for await (const each of found) {
    if (each instanceof Notice) await tell({ key, before: each.before }, onTrimmed);
    else yield each;
  }
}

/** Tells `onTrimmed`, or warns if nobody listens. */
export async function tell(trimmed: Trimmed, onTrimmed: OnTrimmed = warn): Promise<void> {
  await onTrimmed(trimmed);
}

function warn({ key, before }: Trimmed): void {
  const text = (bytes: Uint8Array): string => JSON.stringify(new TextDecoder().decode(bytes));
  console.warn(`records of ${nameOf()} before the sequence ${before} were trimmed, and are not read`);

  function nameOf(): string {
    // First, as an array of bytes has `keys` too.
    if (key instanceof Uint8Array) return text(key);
    return "prefix" in key ? `keys with the prefix ${text(key.prefix)}` : key.keys.map(text).join(", ");
  }
}
