/**
 * Producers: what makes an append safe to send again.
 *
 * The server applies each sequence of a producer once, and remembers the answers of its last few requests. A client has as many
 * producers as it has appends on their way, each with one request at a time: so an append is never ahead of its turn, its answer is never
 * forgotten, and one that waits for its retry holds nobody up. Appends that are made one after another use the same producer.
 *
 * Each stream of appends has a producer of its own, so it and other appends do not depend on each other. One that ended in order leaves
 * it to the next one. Only with a name, the stream is one turn of the one producer.
 *
 * Sequences count per partition, so in a cluster a producer is of one partition. As long as it is not known whether there is a cluster, all
 * producers are those of one log; the first request that a producer makes of another partition is refused, and then the client asks.
 */

import type { Appended } from "./appended.js";
import * as check from "./arguments.js";
import type { Cluster } from "./cluster.js";
import type { About } from "./partitions.js";

/**
 * Under which name a client appends: one append at a time, in the order of the calls.
 *
 * A client with a higher epoch takes the name over: appends of the ones before are refused from then on, as `ProducerFenced`. A
 * program that starts again needs a higher epoch than any before. A client raises its own by one after `AppendsLost` and after an
 * outcome that stayed unknown, so leave room: 1,000 times the number of the start, for example.
 */
export interface Producer {
  /** 1 to 128 bytes. */
  readonly id: string;
  /** 0 if it is not given. */
  readonly epoch?: number | undefined;
}

/** How many appends that a crash may undo are remembered for each producer. Of older ones only the number is known. */
const MOST_UNDURABLE = 1000;

/** Producers that are kept for streams of appends to come. */
const MOST_APART = 16;

/** Appends of a client that are on their way at a time, unless it is told otherwise. */
const CONCURRENT_APPENDS = 100;

/** The producers of a client with these settings. */
export function producersOf(
  producer: boolean | Producer = true, concurrentAppends: number | undefined, cluster: Cluster,
): Producers | undefined {
  const named = typeof producer === "boolean" ? undefined : check.producer(producer);
  const limit = named === undefined ? CONCURRENT_APPENDS : 1;
  const most = concurrentAppends === undefined ? limit : check.whole("concurrentAppends", concurrentAppends, 1);
  if (named !== undefined && most > 1) {
    throw new RangeError(`concurrentAppends must be 1 with a named producer, whose appends are sent one after another, not ${most}`);
  }
  return producer === false ? undefined : new Producers(named, most, cluster);
}

/** One producer as the client knows it, with one request at a time. */
export class Producing {
  readonly #named: Required<Producer> | undefined;
  id: string;
  epoch: number;
  /** That of the next request. */
  sequence = 0;
  /** The requests of this epoch below this sequence are durable. */
  durableBelow = 0;
  #undurable: (readonly [number, Appended])[] = [];
  /** Whether there is a request of which it is not known what became of it. */
  isOpen = false;
  /** What its last request was about that was applied. */
  about: About = {};
  /** In a cluster, the partition that it is of; undefined if it was not used yet. */
  partition: number | undefined;

  constructor(named: Required<Producer> | undefined) {
    this.#named = named;
    this.id = named?.id ?? drawn();
    this.epoch = named?.epoch ?? 0;
  }

  /** The request was applied. */
  applied(appended: Appended, durable: boolean): void {
    if (durable) {
      // So are all that came before it.
      this.durableBelow = this.sequence + 1;
      this.#undurable = [];
    } else {
      if (this.#undurable.length === MOST_UNDURABLE) this.#undurable.shift();
      this.#undurable.push([this.sequence, appended]);
    }
    this.sequence += 1;
    this.isOpen = false;
  }

  /** The request was not applied; the next one has its sequence. */
  refused(): void {
    this.isOpen = false;
  }

  /** What was answered for this sequence and all after it, as far as it is remembered. */
  undurableFrom(sequence: number): Appended[] {
    return this.#undurable.filter(([each]) => each >= sequence).map(([, appended]) => appended);
  }

  /** Begins anew, with the next epoch. */
  restart(): void {
    this.#begin(this.epoch + 1);
  }

  /** Another client uses the name. If it was drawn, draws another one; if it was given, it stays as it is. */
  replace(): void {
    if (this.#named !== undefined) return;
    this.id = drawn();
    this.#begin(0);
  }

  #begin(epoch: number): void {
    this.epoch = epoch;
    this.sequence = 0;
    this.durableBelow = 0;
    this.#undurable = [];
  }
}

/** Producers that are idle: in a cluster, those of each partition; else all of them, for no partition. The one that was used last is used first. */
type Idle = Map<number | undefined, Producing[]>;

/** The use of a producer for one append. */
export interface Turn {
  readonly producer: Producing;
  /** From now on it has a producer of the partition that it is about. */
  exchange(about: About): void;
}

/** The use of a producer for a stream of appends. */
export interface StreamTurn extends Turn {
  /** The stream ended in order, with an outcome for each append: its producer is as good for the next one. */
  settled(): void;
  /** Hands the producer back. */
  ended(): void;
}

/** The producers of a client. So many appends are on their way at a time; others wait in the order in which they came. */
export class Producers {
  readonly #named: Required<Producer> | undefined;
  readonly #cluster: Cluster;
  readonly #idle: Idle;
  /** Those of streams of appends that ended in order. */
  readonly #apart: Idle = new Map();
  readonly #waiting = new Map<(producer: Producing) => void, About>();
  #places: number;

  constructor(named: Required<Producer> | undefined, most: number, cluster: Cluster) {
    this.#places = most;
    this.#named = named;
    this.#cluster = cluster;
    this.#idle = new Map([[undefined, named === undefined ? [] : [new Producing(named)]]]);
  }

  /** Does one append with a producer, once there is room. It throws the reason of `signal` if that ends it before. */
  async during<T>(about: About, signal: AbortSignal | undefined, append: (turn: Turn) => Promise<T>): Promise<T> {
    const turn = await this.#begun(about, signal);
    try {
      return await append(turn);
    } finally {
      turn.ended();
    }
  }

  /** A producer for a stream of appends. With a name it is the only one, once it is its turn. */
  async stream(signal: AbortSignal | undefined): Promise<StreamTurn> {
    if (this.#named !== undefined) return this.#begun({}, signal);
    const idle = [...this.#apart.values()].findLast((each) => each.length > 0);
    let producer = idle?.pop() ?? new Producing(undefined);
    return {
      get producer() {
        return producer;
      },
      exchange: (about) => {
        producer = this.#exchanged(this.#apart, producer, about);
      },
      settled: () => {
        if ([...this.#apart.values()].flat().length < MOST_APART) this.#keep(this.#apart, producer);
      },
      ended: () => undefined,
    };
  }

  async #begun(about: About, signal: AbortSignal | undefined): Promise<StreamTurn> {
    let producer = this.#places > 0 ? this.#next(about) : await this.#turn(about, signal);
    return {
      get producer() {
        return producer;
      },
      exchange: (other) => {
        producer = this.#exchanged(this.#idle, producer, other);
      },
      settled: () => undefined,
      ended: () => this.#ended(producer),
    };
  }

  #next(about: About): Producing {
    this.#places -= 1;
    return this.#taken(this.#idle, about);
  }

  #turn(about: About, signal: AbortSignal | undefined): Promise<Producing> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#waiting.delete(go);
        reject(signal?.reason);
      };
      const go = (producer: Producing): void => {
        signal?.removeEventListener("abort", stop);
        resolve(producer);
      };
      this.#waiting.set(go, about);
      signal?.addEventListener("abort", stop, { once: true });
    });
  }

  /**
   * The append is over. If it is not known what became of its request, the producer takes a new epoch: that keeps the server from
   * taking the next request for this one, and from applying what may still be on its way.
   */
  #ended(producer: Producing): void {
    if (producer.isOpen) {
      producer.restart();
      producer.isOpen = false;
    }
    this.#keep(this.#idle, producer);
    const [following] = this.#waiting;
    if (following === undefined) {
      this.#places += 1;
    } else {
      const [go, about] = following;
      this.#waiting.delete(go);
      go(this.#taken(this.#idle, about));
    }
  }

  /** The producer, or another one if it is of another partition than what it is to be used for. */
  #exchanged(idle: Idle, producer: Producing, about: About): Producing {
    if (this.#partitionOf(producer) === this.#cluster.partition(about)) return producer;
    this.#keep(idle, producer);
    return this.#taken(idle, about);
  }

  /** The partition that a producer is of; undefined if it can be that of any partition. */
  #partitionOf(producer: Producing): number | undefined {
    producer.partition ??= this.#cluster.partition(producer.about);
    return producer.partition;
  }

  #keep(idle: Idle, producer: Producing): void {
    const partition = this.#partitionOf(producer);
    const kept = idle.get(partition);
    if (kept === undefined) idle.set(partition, [producer]);
    else kept.push(producer);
  }

  #taken(idle: Idle, about: About): Producing {
    const partition = this.#cluster.partition(about);
    if (partition !== undefined) {
      // Some may be from before the partitions were known.
      const all = idle.get(undefined) ?? [];
      idle.delete(undefined);
      for (const each of all) this.#keep(idle, each);
    }
    const producer = idle.get(partition)?.pop() ?? idle.get(undefined)?.pop() ?? new Producing(this.#named);
    if (this.#named !== undefined && producer.partition === undefined) {
      // Before the partitions were known, an append may have begun a later epoch than the one that was given.
      producer.epoch = Math.max(producer.epoch, ...[...idle.values()].flat().map((each) => each.epoch));
    }
    producer.partition = partition;
    return producer;
  }
}

/** A name that no other client has: 128 bits. */
function drawn(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
