/** Which partition of a cluster a key or a cursor belongs to. */

import { createXXHash3 } from "hash-wasm";

import * as check from "./arguments.js";

/** The most partitions that a cluster can have. */
const MOST_PARTITIONS = 4096;

/**
 * The partition of a key in a cluster with that many partitions. That of a cursor is that of its name in UTF-8.
 *
 * It is XXH3 with 64 bits and seed 0 of the tag, modulo the number of partitions. The tag is what is between the first `{` of the key and the
 * next `}`; without braces, or with nothing between them, it is the whole key. So keys with one tag are in one partition.
 */
export async function partitionOf(key: Uint8Array, partitions: number): Promise<number> {
  check.whole("partitions", partitions, 1);
  if (partitions > MOST_PARTITIONS) throw new RangeError(`partitions must be from 1 to ${MOST_PARTITIONS}, not ${partitions}`);
  return (await hasher())(tagOf(check.bytes("key", key)), partitions);
}

/** Computes the partition of all keys with a tag. */
export type Hasher = (tag: Uint8Array, partitions: number) => number;

/** What computes partitions, once it is compiled. */
export async function hasher(): Promise<Hasher> {
  const hash = await createXXHash3();
  return (tag, partitions) => Number(BigInt(`0x${hash.init().update(tag).digest("hex")}`) % BigInt(partitions));
}

/** The tag of a key or a cursor. */
export function tagOf(name: Uint8Array): Uint8Array {
  return tagIn(name) ?? name;
}

/** What is between the first `{` and the next `}`, unless that is nothing. All keys that begin with this have that tag. */
export function tagIn(name: Uint8Array): Uint8Array | undefined {
  const begin = name.indexOf(0x7b) + 1;
  const end = begin === 0 ? -1 : name.indexOf(0x7d, begin);
  return end > begin ? name.subarray(begin, end) : undefined;
}

/** What a request is about: keys and cursors with a tag, a partition, or neither. */
export interface About {
  readonly tag?: Uint8Array | undefined;
  readonly partition?: number | undefined;
}

/** About a key, or a cursor. */
export function about(name: Uint8Array | string): About {
  return { tag: tagOf(typeof name === "string" ? new TextEncoder().encode(name) : name) };
}

/** Whether two requests are about the same. */
export function isSame(one: About, other: About): boolean {
  const tags = [one.tag ?? new Uint8Array(), other.tag ?? new Uint8Array()] as const;
  return one.partition === other.partition && tags[0].length === tags[1].length && tags[0].every((byte, at) => byte === tags[1][at]);
}
