/** What became of an append. */

/** The sequences `start` to `start + count - 1` were given to the records, in their order. */
export interface Appended {
  /** Undefined if the server has forgotten it: another client writes as the same producer. */
  readonly start: number | undefined;
  readonly count: number;
  /** Whether the server had applied the request before, and answered it again: an earlier answer did not arrive. */
  readonly duplicate: boolean;
}
