/** What became of an append. */

/** The sequences `start` to `start + count - 1` were given to the records, in their order. */
export interface Appended {
  /** Undefined if the server has forgotten it: another client writes as the same producer. */
  readonly start: number | undefined;
  readonly count: number;
  /** Whether the server had applied the request before, and answered it again: an earlier answer did not arrive. */
  readonly duplicate: boolean;
}

/** What became of the records of one partition, of an append that was split (`LogClient.appendSplit`). */
export interface AppendPart {
  /** 0 if the log is not clustered. */
  readonly partition: number;
  /** Nothing of a part that was refused was applied. One that is unknown may have been, whole or not at all. */
  readonly outcome: "applied" | "refused" | "unknown";
  /** How many of the records are in this partition. */
  readonly count: number;
  /** If it was applied, its records have the sequences `start` to `start + count - 1`, in their order. */
  readonly start?: number | undefined;
  /** If it was not: the `code` of the server, as `LogError.code`, and its message. */
  readonly code?: string | undefined;
  readonly message?: string | undefined;
}
