/** A client of the OpenData Log server: typed errors, pages, following with resume, and retries that are safe. */

export { LogClient } from "./client.js";
export type { Appended, Options, Range, Retry } from "./client.js";
export * from "./errors.js";
export type { LogRecord } from "./records.js";
export type { components, operations, paths } from "./generated/schema.js";
