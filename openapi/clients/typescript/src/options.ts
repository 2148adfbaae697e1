/** Settings of a client and of its consumers. */

import type { Producer } from "./producers.js";
import type { OfPartition, Stoppable } from "./reading.js";
import type { Retry } from "./retry.js";

/** Settings of a client. */
export interface Options {
  /** One of the server's token file. */
  readonly token?: string;
  readonly retry?: Partial<Retry>;
  /** Ends a request without an answer after this long; 60 s if it is not given. */
  readonly timeoutMs?: number;
  /**
   * Appends are applied exactly once, as those of producers with names of their own. `false` sends them without, for servers that know
   * no producers; a `Producer` gives the name.
   */
  readonly producer?: boolean | Producer;
  /**
   * So many appends are on their way at a time; 100 if it is not given. With 1, and with a named producer, they are applied in the order
   * in which they are called.
   */
  readonly concurrentAppends?: number;
  /**
   * The client remembers up to where it appended (with `awaitDurable`) and read, as far as that is durable, and its reads wait until the server
   * shows that much, which matters with read-only servers: see `LogClient.atLeast`. `false` switches that off.
   */
  readonly readYourWrites?: boolean;
  /**
   * In a cluster, each request goes to the node that serves its partition, at the URL that the cluster tells, and with it the token. If this is not
   * given, the client asks for these URLs when an answer shows that there is a cluster; with `true`, before its first request. With `false`, all
   * requests go to the URL of the client, whose server passes them on; so they do in browsers, unless it is `true`.
   */
  readonly cluster?: boolean;
}

/** How a consumer goes on. */
export interface Consumption extends Stoppable, OfPartition {
  /** Whether a batch is committed when the next one is asked for; `false` if it is not given. */
  readonly autoCommit?: boolean;
  /**
   * `memory`, all that was applied, if it is not given. With `durable` it never processes what a crash of the server then undoes: for results
   * that are outside of the log.
   */
  readonly visibility?: "memory" | "durable" | undefined;
}
