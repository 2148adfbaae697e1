/** Streams of appends: many on one request, and the same again when it breaks. */

import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";

import type { Appending } from "./append.js";
import type { Appended } from "./appended.js";
import * as check from "./arguments.js";
import type { RecordToAppend } from "./arguments.js";
import { moves } from "./cursors.js";
import {
  Conflict, LogError, OutcomeUnknown, ProducerFenced, ProducerOutOfOrder, ProducerSequenceReused, ProducerSequenceTooOld, ProducerUnknown,
  Unavailable,
} from "./errors.js";
import { Delivery } from "./exactly_once.js";
import { type AppendResponse, AppendRequestSchema } from "./generated/log_pb.js";
import { type About, about, isSame } from "./partitions.js";
import type { Producers, Producing, StreamTurn } from "./producers.js";
import { pause } from "./retry.js";
import type { Seen } from "./seen.js";
import { broken, type Place, Session, type Told } from "./session.js";
import { type AppendsToMake, type Taker, Taking, Wake } from "./taking.js";

/** What is demanded of each append of a stream, and how many are sent ahead of their outcomes. */
export interface AppendingMany extends Appending {
  /** So many appends without an outcome are taken; 1,000 if it is not given. */
  readonly outstanding?: number | undefined;
  /** So many bytes of them; 4 MiB if it is not given. One append is always taken. */
  readonly outstandingBytes?: number | undefined;
}

const OUTSTANDING = 1000;
const OUTSTANDING_BYTES = 4 * 1024 * 1024;

/** How long the server may take to end a session in which everything is answered. */
const END_MS = 1000;

const OF_PRODUCER = [ProducerOutOfOrder, ProducerSequenceTooOld, ProducerSequenceReused, ProducerFenced, ProducerUnknown];

/** An append without an outcome. */
interface Outstanding {
  /** But for its producer. */
  readonly content: Uint8Array;
  readonly records: number;
  readonly about: About;
  /** Where it ends in the session that is open. */
  end: number;
}

/** What is demanded, checked. */
interface Demands {
  readonly awaitDurable: boolean;
  /** As it is sent. */
  readonly content: Uint8Array;
  readonly most: number;
  readonly mostBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** The outcomes of a stream of appends, in their order. Arguments are checked at once. */
export function appendMany(
  place: Place, producers: Producers | undefined, seen: Seen, appends: AppendsToMake, awaitDurable: boolean, options: AppendingMany,
): AsyncGenerator<Appended> {
  check.flag("awaitDurable", awaitDurable);
  check.known("options", options, ["signal", "ifNoRecordSince", "cursors", "outstanding", "outstandingBytes"]);
  check.signal(options.signal);
  const { signal, outstanding = OUTSTANDING, outstandingBytes = OUTSTANDING_BYTES } = options;
  const request = create(AppendRequestSchema, {
    awaitDurable,
    preconditions: check.preconditions(options.ifNoRecordSince).map(([key, since]) => ({ key, noRecordSince: BigInt(since) })),
    cursors: moves(options.cursors).map(({ name, position, expected }) => ({
      name, position: BigInt(position), ...(expected === undefined ? {} : { expected: BigInt(expected) }),
    })),
  });
  const demands = {
    awaitDurable, signal, content: toBinary(AppendRequestSchema, request), most: check.whole("outstanding", outstanding, 1),
    mostBytes: check.whole("outstandingBytes", outstandingBytes, 1),
  };
  return outcomes(place, producers, seen, check.appends(appends), demands);
}

async function* outcomes(
  place: Place, producers: Producers | undefined, seen: Seen, appends: AppendsToMake, demands: Demands,
): AsyncGenerator<Appended> {
  const turn = await producers?.stream(demands.signal);
  try {
    const stream = new Stream(place, turn, demands, seen);
    const taking = new Taking(stream, appends);
    try {
      yield* stream.outcomes(taking);
      turn?.settled();
    } finally {
      stream.close();
      taking.stop();
    }
  } finally {
    // Also if the appends cannot be iterated, or throw when they are closed: others may wait for the producer.
    turn?.ended();
  }
}

/** A stream of appends. Its first one without an outcome is the next request of the producer. */
class Stream implements Taker {
  readonly wake = new Wake();
  readonly #place: Place;
  /** Undefined: appends are not protected. */
  readonly #turn: StreamTurn | undefined;
  #producer: Producing | undefined;
  /** Whether the producer may be of another partition, as the server refused its first request. Undefined: that was not found out yet. */
  #isElsewhere: boolean | undefined;
  /** What the last append with an outcome was about. */
  #about: About | undefined;
  readonly #demands: Demands;
  readonly #seen: Seen;
  #outstanding: Outstanding[] = [];
  /** So many of `#outstanding` have their outcome; they are removed together. */
  #first = 0;
  #bytes = 0;
  /** So many, from the first one on, may have been applied in a session that broke. */
  #inDoubt = 0;
  #session: Session | undefined;
  /** The attempts since the last outcome. */
  readonly #delivery: Delivery;
  #hasEnded = false;
  #error: { readonly thrown: unknown } | undefined;

  constructor(place: Place, turn: StreamTurn | undefined, demands: Demands, seen: Seen) {
    this.#place = place;
    this.#turn = turn;
    this.#producer = turn?.producer;
    this.#demands = demands;
    this.#seen = seen;
    const { awaitDurable, signal } = demands;
    this.#delivery = new Delivery(place.retry, turn?.producer, { records: 0, awaitDurable, signal });
  }

  get #waiting(): number {
    return this.#outstanding.length - this.#first;
  }

  /** Whether another append is to be taken. */
  get hasRoom(): boolean {
    const few = this.#waiting < this.#demands.most && this.#bytes < this.#demands.mostBytes;
    return !this.#hasEnded && (few || this.#waiting === 0);
  }

  /** Whether answers are there, and half of the room is taken: so appends are sent together. */
  get isBusy(): boolean {
    const half = this.#waiting > this.#demands.most / 2 || this.#bytes > this.#demands.mostBytes / 2;
    return half && this.#session?.isQuiet === false;
  }

  /** Takes an append. One that cannot be sent ends the stream, at its place. */
  take(records: Iterable<RecordToAppend>): void {
    let checked;
    try {
      checked = check.records(records);
      if (checked.length === 0) throw new RangeError("records must have at least one record");
    } catch (error) {
      this.end({ thrown: error });
      return;
    }
    const request = create(AppendRequestSchema, { records: checked.map(({ key, value, headers }) => ({ key, value, headers: [...headers] })) });
    const encoded = toBinary(AppendRequestSchema, request);
    const content = new Uint8Array(encoded.length + this.#demands.content.length);
    content.set(encoded);
    content.set(this.#demands.content, encoded.length);
    const append = { content, records: checked.length, about: about(checked[0]?.key ?? new Uint8Array()), end: 0 };
    this.#outstanding.push(append);
    this.#bytes += content.length;
    if (this.#producer !== undefined) this.#producer.isOpen = true;
    if (this.#session !== undefined) this.#send(this.#session, append, this.#waiting - 1);
  }

  /** No more appends are taken; an error is thrown when all others have their outcomes. */
  end(error?: { readonly thrown: unknown }): void {
    this.#hasEnded = true;
    this.#error ??= error;
    this.#session?.end();
  }

  /** The outcomes. */
  async* outcomes(taking: Taking): AsyncGenerator<Appended> {
    const { signal } = this.#demands;
    let heard = performance.now();
    for (;;) {
      this.#check(signal);
      if (!this.isBusy) taking.take();
      if (this.#waiting === 0) {
        heard = performance.now();
        if (this.#hasEnded) {
          await this.#finish();
          if (this.#error !== undefined) throw this.#error.thrown;
          return;
        }
      } else if (this.#session === undefined) {
        await this.#open(signal);
        heard = performance.now();
        continue;
      }
      this.#session?.flush();
      const told = this.#session?.next();
      if (told !== undefined) {
        const outcome = await this.#came(told);
        if (outcome === undefined) continue;
        yield outcome;
        heard = performance.now();
        continue;
      }
      const isIdle = this.#waiting === 0;
      const left = isIdle ? undefined : Math.max(0, heard + this.#place.timeoutMs - performance.now());
      const woken = await this.wake.wait(left, signal);
      // The server had nothing to answer, however long the appends paused.
      if (isIdle) heard = performance.now();
      else if (!woken && this.#waiting > 0 && this.#session?.isQuiet === true && performance.now() >= heard + this.#place.timeoutMs) {
        await this.#broke(broken("there was silence for too long", { request: this.#place.request }));
        heard = performance.now();
      }
    }
  }

  /** Ends the session that is open. */
  close(): void {
    this.#session?.giveUp();
    this.#session = undefined;
  }

  /** When its signal ends it, appends that were sent may have been applied. */
  #check(signal: AbortSignal | undefined): void {
    if (!signal?.aborted) return;
    this.#inDoubt = Math.max(this.#inDoubt, this.#giveUp());
    if (this.#inDoubt === 0) {
      this.#producer?.refused();
      throw signal.reason;
    }
    throw this.#withOthers(broken("its signal ended it", { request: this.#place.request, cause: signal.reason }), this.#inDoubt - 1);
  }

  /** What the first append without an outcome is about, or what the last one was. */
  get #of(): About {
    return this.#outstanding[this.#first]?.about ?? this.#about ?? {};
  }

  /** Where the next session is opened. As long as there was no outcome, the producer may become that of the partition. */
  async #next(): Promise<Place> {
    const { cluster } = this.#place;
    await cluster.prepare(this.#isElsewhere === true);
    if (this.#isElsewhere !== undefined) this.#isElsewhere = false;
    if (this.#turn !== undefined && this.#about === undefined && cluster.hasPartitions) {
      this.#turn.exchange(this.#of);
      const { producer } = this.#turn;
      if (producer !== this.#producer) {
        this.#producer?.refused();
        this.#producer = producer;
        this.#inDoubt = 0;
        this.#delivery.exchange(producer);
        producer.isOpen = this.#waiting > 0;
      }
    }
    const [url = this.#place.url] = cluster.targets(this.#of);
    return { ...this.#place, url, partition: cluster.partition(this.#of) };
  }

  /** Opens a session and sends all that has no outcome. */
  async #open(signal: AbortSignal | undefined): Promise<void> {
    try {
      this.#session = await Session.open(await this.#next(), this.wake.now, signal);
    } catch (error) {
      if (!(error instanceof LogError)) {
        this.#check(signal);
        throw error;
      }
      await this.#wait(error);
      return;
    }
    this.#delivery.opened();
    this.#compact();
    for (const [after, append] of this.#outstanding.entries()) this.#send(this.#session, append, after);
    if (this.#hasEnded) this.#session.end();
  }

  #send(session: Session, { content }: Outstanding, after: number): void {
    const producer = this.#producer === undefined ? new Uint8Array() : this.#named(this.#producer, after);
    const length = new BinaryWriter().uint32(content.length + producer.length).finish();
    const append = this.#outstanding[this.#first + after];
    if (append !== undefined) append.end = session.add(Buffer.concat([length, content, producer]));
  }

  #named({ id, epoch, sequence }: Producing, after: number): Uint8Array {
    const producer = { id, epoch: BigInt(epoch), sequence: BigInt(sequence + after) };
    return toBinary(AppendRequestSchema, create(AppendRequestSchema, { producer }));
  }

  async #came(told: Told): Promise<Appended | undefined> {
    if (told === "end") {
      this.close();
      if (this.#waiting === 0) return undefined;
      await this.#wait(new Unavailable("the server ended the session before it took the append; nothing of it was applied", {
        retryAfterMs: this.#place.retry.pauseMs, request: this.#place.request,
      }));
      return undefined;
    }
    if ("broken" in told) {
      await this.#broke(told.broken);
      return undefined;
    }
    if (this.#waiting === 0) {
      // Something is wrong with what was not sent.
      this.close();
      return undefined;
    }
    return told instanceof LogError ? this.#refused(told) : this.#answered(told);
  }

  #answered({ startSequence, recordsAppended, duplicate }: AppendResponse): Appended {
    const done = { start: Number(startSequence), count: recordsAppended, duplicate };
    this.#producer?.applied(done, this.#demands.awaitDurable);
    if (this.#demands.awaitDurable) this.#seen.advance(done.start + done.count, this.#of);
    return this.#settled(done);
  }

  /** The first append has an outcome. */
  #settled(done: Appended): Appended {
    this.#bytes -= this.#outstanding[this.#first]?.content.length ?? 0;
    this.#about = this.#of;
    this.#first += 1;
    if (this.#first > this.#demands.most) this.#compact();
    this.#inDoubt = Math.max(0, this.#inDoubt - 1);
    this.#delivery.settled();
    if (this.#producer !== undefined) {
      this.#producer.about = this.#about;
      this.#producer.isOpen = this.#waiting > 0;
    }
    return done;
  }

  #compact(): void {
    this.#outstanding = this.#outstanding.slice(this.#first);
    this.#first = 0;
  }

  /** The first append was refused, or its outcome is unknown. */
  async #refused(error: LogError): Promise<Appended | undefined> {
    const producer = this.#producer;
    if (producer === undefined) throw this.#withOthers(error, this.#giveUp() - 1);
    if (error instanceof OutcomeUnknown) {
      await this.#broke(error);
      return undefined;
    }
    if (OF_PRODUCER.some((kind) => error instanceof kind)) {
      const isFresh = this.#isElsewhere === undefined && this.#about === undefined;
      if (isFresh && producer.about.tag !== undefined && !isSame(producer.about, this.#of)) {
        // The next session finds out.
        this.#isElsewhere = true;
        this.close();
        return undefined;
      }
      if (this.#inDoubt > 0) this.#delivery.doubt();
      let done: Appended | undefined;
      try {
        done = this.#delivery.judged(producer, error, this.#outstanding[this.#first]?.records ?? 0);
      } catch (last) {
        throw last instanceof LogError && last.isUnknownOutcome ? this.#withOthers(last, this.#inDoubt - 1) : last;
      }
      if (done !== undefined) return this.#settled(done);
      this.close();
      return undefined;
    }
    if (error instanceof Conflict) {
      // The server judges the producer first, so no earlier attempt was applied.
      producer.refused();
      throw error;
    }
    this.close();
    await this.#wait(error);
    return undefined;
  }

  /** The session broke: what was sent whole may have been applied. */
  async #broke(error: LogError): Promise<void> {
    const sent = this.#giveUp();
    if (this.#waiting === 0) return;
    this.#inDoubt = Math.max(this.#inDoubt, sent);
    if (this.#inDoubt > 0) return this.#wait(error);
    const { request, requestId } = error;
    const told = `the session broke while the append was being sent; nothing was applied: ${error.told}`;
    return this.#wait(new Unavailable(told, { request, requestId, retryAfterMs: this.#place.retry.pauseMs, cause: error }));
  }

  /** Waits until the next attempt; throws what the stream ends in when there is none. */
  async #wait(error: LogError): Promise<void> {
    const { signal } = this.#demands;
    if (this.#inDoubt > 0) {
      if (this.#producer === undefined) throw this.#withOthers(error, this.#inDoubt - 1);
      this.#delivery.doubt();
    }
    let ms;
    try {
      ms = this.#delivery.pauseMs(error);
    } catch (last) {
      throw last instanceof LogError ? this.#withOthers(last, this.#inDoubt - 1) : last;
    }
    // The signal is looked at next.
    await pause(ms, signal).catch(() => undefined);
  }

  /** Gives the session up; how many appends without an outcome may have been sent in it. */
  #giveUp(): number {
    const taken = this.#session?.giveUp() ?? 0;
    this.#session = undefined;
    return this.#outstanding.slice(this.#first).filter(({ end }) => end > 0 && end <= taken).length;
  }

  /** Everything is answered: the server ends the session in order. However that ends, all is known. */
  async #finish(): Promise<void> {
    this.#session?.end();
    this.#session?.flush();
    const until = performance.now() + END_MS;
    while (this.#session !== undefined && this.#session.isQuiet && performance.now() < until) {
      await this.wake.wait(until - performance.now(), undefined);
    }
    this.close();
  }

  /** The error of an append behind which so many may have been applied. */
  #withOthers(error: LogError, others: number): LogError {
    if (others <= 0) return error;
    error.message = error.message.replace(error.told, () => `${error.told}; up to ${others} appends behind it may have been applied, too`);
    return error;
  }
}
