/** The body of a request that changes something: it is sent once, and knows whether all of it was taken to be sent. */

/** A body is taken in pieces of this size. */
const PIECE = 64 * 1024;

/** The body of one request. */
export class Body {
  readonly #content: Uint8Array;
  readonly #inPieces: boolean;
  #taken = 0;

  constructor(text: string) {
    this.#content = new TextEncoder().encode(text);
    // `fetch` sends a body again after 421 if it can have it again, and in Node.js fails then. Browsers send a body in pieces only over
    // HTTP/2, if they do, and get the same answer to the second request.
    this.#inPieces = isNode();
  }

  /** False: the connection broke before the last piece was taken, so nobody can have read a whole request. */
  get mayHaveBeenSent(): boolean {
    return !this.#inPieces || this.#taken >= this.#content.length;
  }

  /** What is sent. */
  get content(): BodyInit {
    if (!this.#inPieces) return this.#content as Uint8Array<ArrayBuffer>;
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
      controller.enqueue(this.#content.subarray(this.#taken, this.#taken + PIECE));
      this.#taken += PIECE;
      if (this.#taken >= this.#content.length) controller.close();
    };
    return new ReadableStream({ pull }, { highWaterMark: 0 });
  }

  /** What `fetch` must be told of it. */
  get options(): { duplex?: "half"; headers: Readonly<Record<string, string>> } {
    const headers = { "Content-Type": "application/json" };
    return this.#inPieces ? { duplex: "half", headers: { ...headers, "Content-Length": String(this.#content.length) } } : { headers };
  }
}

/**
 * `fetch` for a request without a body that changes something: like one with a body, Node.js sends it again after 421, unless it cannot have
 * its body again.
 */
export async function fetchOnce(request: Request): Promise<Response> {
  if (!isNode()) return fetch(request);
  const body = new ReadableStream({ pull: (controller) => controller.close() }, { highWaterMark: 0 });
  const headers = { ...Object.fromEntries(request.headers), "Content-Length": "0" };
  // What declares `Request` does not know `duplex` everywhere.
  return fetch(new Request(request, { body, headers, duplex: "half" } as RequestInit));
}

/** Whether this is Node.js, and not a browser. */
export function isNode(): boolean {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  return process?.versions?.node !== undefined;
}
