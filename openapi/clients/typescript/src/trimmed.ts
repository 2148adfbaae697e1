/** What a reader is told of records that were trimmed before they could be read. */

/** Records that were to be read had been trimmed. Reading continues with what is left. */
export interface Trimmed {
  /** The key that is read. The records that were trimmed may have been those of other keys. */
  readonly key: Uint8Array;
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
  found: AsyncIterable<T | Notice>, key: Uint8Array, onTrimmed: OnTrimmed | undefined,
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
  const name = JSON.stringify(new TextDecoder().decode(key));
  console.warn(`records of ${name} before the sequence ${before} were trimmed, and are not read`);
}
