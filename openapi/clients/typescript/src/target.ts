/** Where requests go that change something. */

import type { Client } from "openapi-fetch";

import type { Cluster } from "./cluster.js";
import type { paths } from "./generated/schema.js";
import type { Retry } from "./retry.js";

/** Where requests go that change something. */
export interface Target {
  readonly api: Client<paths, "application/json">;
  readonly url: string;
  /** Where requests go in a cluster. */
  readonly cluster: Cluster;
  readonly retry: Retry;
  /** Ends an attempt without an answer, and when the signal says so. */
  readonly deadline: (signal: AbortSignal | undefined) => AbortSignal;
}
