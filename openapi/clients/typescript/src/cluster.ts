/** What a client knows of a cluster: how many partitions it has, and which node serves each of them. */

import * as check from "./arguments.js";
import { isNode } from "./body.js";
import { wasNotSent } from "./network.js";
import { type About, type Hasher, hasher, isSame } from "./partitions.js";

const PATH = "/api/v1/cluster";

/** The node that serves the partition of a request that another node passed on. */
const MOVED = "log-moved";

/** The map is asked for at most once in this time, and a node that refuses is not asked for as long. */
const REFRESH_MS = 1000;

/** A node that cannot be reached is not asked for this long: twice as long after each failure, up to the longest. */
const AVOID_MS = 1000;
const LONGEST_AVOID_MS = 60_000;

/** The map is of use but not needed: it is not waited for any longer. */
const LONGEST_WAIT_MS = 5000;

/** The URLs of the nodes that serve the partitions, as far as they are known. A log that is not clustered has one partition. */
type PartitionMap = readonly (string | undefined)[];

/** A node that could not be reached. */
interface Avoided {
  readonly failures: number;
  readonly until: number;
}

/**
 * What a client knows of a cluster, and where it sends its requests.
 *
 * Nothing is asked before an answer shows that there is a cluster. Until then, and for a log that is not clustered, all requests go to the URL of
 * the client.
 */
export class Cluster {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #use: boolean | undefined;
  readonly #isDirect: boolean;
  #map: PartitionMap | undefined;
  #hasher: Hasher | undefined;
  #asked = -REFRESH_MS;
  /** Without the right to read, the map cannot be asked for. */
  #isRefused = false;
  readonly #avoided = new Map<string, Avoided>();

  constructor(url: string, headers: Readonly<Record<string, string>>, use: boolean | undefined) {
    this.#url = url;
    this.#headers = headers;
    this.#use = use === undefined ? undefined : check.flag("cluster", use);
    // Browsers ask only the server of their page, unless the nodes allow it.
    this.#isDirect = use ?? isNode();
  }

  /** Whether it is known if the log is clustered, or cannot be known. */
  get isKnown(): boolean {
    return this.#map !== undefined || this.#isRefused;
  }

  /** Whether there are several partitions. */
  get hasPartitions(): boolean {
    return this.#map !== undefined && this.#map.length > 1;
  }

  /** The partition that a request is about. Undefined if there is only one, or if the request names none. */
  partition({ tag, partition }: About): number | undefined {
    if (this.#map === undefined || this.#map.length === 1 || this.#hasher === undefined) return undefined;
    return partition ?? (tag === undefined ? undefined : this.#hasher(tag, this.#map.length));
  }

  /** Whether a request about `other` is of another partition than one about `one`. If it may be, the cluster is asked. */
  async isElsewhere(one: About, other: About): Promise<boolean> {
    if (one.tag === undefined || isSame(one, other)) return false;
    if (!this.isKnown) await this.learn();
    return this.partition(one) !== this.partition(other);
  }

  /**
   * Sends a request to the node that serves its partition, else to the URL of the client, else to any node. It is sent to another one only if there
   * was no connection to the one before.
   */
  async ask<T extends { readonly response: Response }>(about: About, send: (url: string) => Promise<T>): Promise<T> {
    if (this.#use === true && !this.isKnown) await this.learn();
    const targets = this.targets(about);
    for (const [at, url] of targets.entries()) {
      try {
        const answer = await send(url);
        await this.answered(about, url, answer.response);
        return answer;
      } catch (error) {
        if (!wasNotSent(error)) throw error;
        this.unreachable(url);
        if (at === targets.length - 1) throw error;
      }
    }
    throw new Error("there is at least one target");
  }

  /** Asks for the map before something is sent: if it is known and may be old, or if the client is to, or must, know it. */
  async prepare(must: boolean): Promise<void> {
    if (this.hasPartitions || ((this.#use === true || must) && !this.isKnown)) await this.learn();
  }

  /** Where to send a request, in this order. There is at least one. */
  targets(about: About): string[] {
    if (!this.hasPartitions || !this.#isDirect) return [this.#url];
    const map = this.#map ?? [];
    const partition = this.partition(about);
    const owner = partition === undefined ? undefined : map[partition];
    const now = performance.now();
    const all = [owner, this.#url, ...map].filter((url) => url !== undefined && (this.#avoided.get(url)?.until ?? 0) <= now);
    const found = [...new Set(all)] as string[];
    return found.length === 0 ? [this.#url] : found;
  }

  /** There was no connection to this node. */
  unreachable(url: string): void {
    const failures = (this.#avoided.get(url)?.failures ?? 0) + 1;
    const ms = Math.min(AVOID_MS * 2 ** Math.min(failures - 1, 30), LONGEST_AVOID_MS);
    this.#avoided.set(url, { failures, until: performance.now() + ms });
  }

  /** Takes what an answer shows. */
  async answered(about: About, url: string, { status, headers }: Pick<Response, "status" | "headers">): Promise<void> {
    this.#avoided.delete(url);
    // It may have lost its partitions. Another node passes requests on to who has them.
    if (status === 503 && url !== this.#url) this.#avoided.set(url, { failures: 0, until: performance.now() + REFRESH_MS });
    const moved = headers.get(MOVED);
    if (moved !== null && !this.#knows(about, moved)) await this.learn(url);
  }

  /** Whether the map has this URL; from now on, it has. */
  #knows(about: About, url: string): boolean {
    const partition = this.partition(about);
    if (this.#map === undefined || partition === undefined || partition >= this.#map.length) return false;
    const usable = this.#usable(url);
    if (this.#map[partition] === usable) return true;
    this.#map = this.#map.with(partition, usable);
    return false;
  }

  /** Asks for the map, at `url` or where there is an answer. One that is known is asked for again at most once in a second. */
  async learn(url?: string): Promise<void> {
    const now = performance.now();
    const isNew = this.#map !== undefined && (this.#map.length === 1 || now < this.#asked + REFRESH_MS);
    if (this.#isRefused || isNew) return;
    this.#asked = now;
    for (const each of url === undefined || !this.#isDirect ? this.targets({}) : [url]) {
      try {
        const headers = { ...this.#headers, Accept: "application/json" };
        const answer = await fetch(`${each}${PATH}`, { headers, signal: AbortSignal.timeout(LONGEST_WAIT_MS) });
        const told: unknown = await answer.json().catch(() => undefined);
        this.#hasher ??= await hasher();
        this.#told(answer.status, told);
        return;
      } catch (error) {
        if (wasNotSent(error)) this.unreachable(each);
      }
    }
  }

  #told(status: number, told: unknown): void {
    if (status === 401 || status === 403) {
      this.#isRefused = true;
    } else if (status === 404) {
      // A server from before there were clusters.
      this.#map = [undefined];
    } else if (status === 200) {
      const { partitions } = (told ?? {}) as { partitions?: unknown };
      if (!Array.isArray(partitions) || partitions.length === 0) return;
      this.#map = partitions.map((each: { url?: unknown } | null) => this.#usable(each?.url));
    }
  }

  /** The URL of a node, if requests can be sent to it. What goes over TLS to this client's URL does not go without it to others. */
  #usable(url: unknown): string | undefined {
    if (typeof url !== "string") return undefined;
    try {
      const checked = check.url(url);
      return checked.startsWith("https:") || !this.#url.startsWith("https:") ? checked : undefined;
    } catch {
      return undefined;
    }
  }
}
