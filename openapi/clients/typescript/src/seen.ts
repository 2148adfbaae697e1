/** What a client knows to be in the log, so that its later reads show that much, whichever server answers them. */

import * as check from "./arguments.js";
import type { Cluster } from "./cluster.js";
import { type About, isSame } from "./partitions.js";

/** A read that does not wait for new records is given so long by the server to show what the client knows. */
export const SHOWN_WITHIN_MS = 5000;

/**
 * Up to where a client knows the log: what it appended and read, as far as no crash can undo it. In a cluster, each partition.
 *
 * Only what is durable counts: a server that lost what was not durable would never show it, and reads would wait for it until they time out.
 */
export class Seen {
  readonly #isPassed: boolean;
  readonly #cluster: Cluster;
  #below = 0;
  /** What that was seen of, while it is not known whether the log is clustered. */
  #about: About = {};
  readonly #ofPartitions = new Map<number, number>();

  constructor(isPassed: boolean, cluster: Cluster) {
    this.#isPassed = check.flag("readYourWrites", isPassed);
    this.#cluster = cluster;
  }

  /** Everything below this sequence is in the log. In a cluster, there is no such sequence: 0. */
  get below(): number {
    return this.#cluster.hasPartitions ? 0 : this.#below;
  }

  /** Everything below this sequence is in the log. */
  advance(below: number, about: About = {}): void {
    const partition = this.#cluster.partition(about);
    if (partition !== undefined) {
      this.#ofPartitions.set(partition, Math.max(this.#ofPartitions.get(partition) ?? 0, below));
    } else if (below > this.#below) {
      this.#below = below;
      this.#about = about;
    }
  }

  /** What is below this sequence was read, in an answer with these headers, which say what of it is durable. */
  read(below: number, headers: Headers, about: About): void {
    // A server that does not say it may know no `at_least`, either.
    const told = headers.get("log-durable-sequence") ?? "";
    this.advance(Math.min(below, /^\d+$/.test(told) ? Number(told) : 0), about);
  }

  /** The parameter of a read, for which the caller asked for this. */
  atLeast(asked: number | undefined, about: About): { at_least?: number } {
    const below = asked ?? (this.#isPassed ? this.#known(about) : 0);
    return below === 0 ? {} : { at_least: below };
  }

  #known(about: About): number {
    const partition = this.#cluster.partition(about);
    return partition === undefined ? this.below : this.#ofPartitions.get(partition) ?? 0;
  }

  /** Whether what the client remembers may be of another partition than what a read is about: only a cluster would tell. */
  mayBeElsewhere(asked: number | undefined, about: About): boolean {
    return asked === undefined && !this.#cluster.isKnown && this.#below > 0 && !isSame(this.#about, about);
  }
}
