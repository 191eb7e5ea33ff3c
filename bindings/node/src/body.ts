// Bodies of answers that are read as they come: a stream that asks for a piece when it is read, one call
// on a worker thread each, and ends with whoever gives it up.

import { CancelledError, check } from "./errors";
import { enterAtOnce, leave, queue } from "./lane";
import { type Out, type Pointer, library } from "./library";
import { weight } from "./weight";

/** Is told how many bytes of a body have come, and of how many; null where that is not known. */
export type OnProgress = (done: number, total: number | null) => void;

/** What a body that is still to be read holds in C. */
interface Held {
  /** The call that it belongs to: who cancels it ends the reading. */
  readonly call: Pointer;
  readonly response: Pointer;
  readonly request: Pointer;
}

const PIECE = 65_536;

/** How often progress is told at most, in milliseconds. */
export const TOLD_EVERY_MS = 100;

/** Bodies that are being read. A process does not end before its worker threads do. */
const reading = new Set<Body>();
process.on("exit", () => reading.forEach((body) => body.end()));

/** A stream that nobody holds any more is freed with its connection. */
const forgotten = new FinalizationRegistry(free);

function free({ call, response, request }: Held): void {
  library.keyfob_response_free(response);
  library.keyfob_request_free(request);
  library.keyfob_client_free(call);
}

/** The source of a stream of bytes. @internal */
export class Body {
  readonly type = "bytes";
  readonly autoAllocateChunkSize = PIECE;
  readonly #onProgress: OnProgress | undefined;
  readonly #total: number | null;
  #held: Held | null;
  /** Of the piece that is being read. */
  weight: unknown = null;
  #done = 0;
  #told = -Infinity;
  #ended = false;

  constructor(held: Held, onProgress: OnProgress | undefined) {
    this.#held = held;
    this.#onProgress = onProgress;
    const length = Number(library.keyfob_response_length(held.response));
    this.#total = length < 0 ? null : length;
    forgotten.register(this, held, this);
  }

  /** Reads one piece: what a stream calls when somebody wants more. */
  async pull(controller: ReadableByteStreamController): Promise<void> {
    const into = controller.byobRequest as ReadableStreamBYOBRequest;
    const amount = await this.#read(into.view as Uint8Array);
    if (this.#ended) throw ended();
    this.#done += amount;
    this.#tell(amount === 0);
    if (amount === 0) {
      this.#free();
      controller.close();
    }
    into.respond(amount);
  }

  /** What a stream calls when it was given up. */
  cancel(): void {
    this.end();
  }

  /** Ends a read that is under way, and the connection. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!reading.has(this)) this.#free();
    else if (this.#held) library.keyfob_client_cancel(this.#held.call, null);
  }

  async #read(buffer: Uint8Array): Promise<number> {
    if (!enterAtOnce()) await new Promise<void>((enter) => queue(enter));
    const held = this.#held;
    if (held === null) {
      leave();
      throw ended();
    }
    reading.add(this);
    const length: Out<number> = [null];
    const err: Out<Pointer> = [null];
    this.weight = weight(buffer.length);
    try {
      const status = await new Promise<number>((resolve, reject) => {
        const { async } = library.keyfob_response_read;
        async(held.response, buffer, buffer.length, length, err, (fault, status) => {
          if (fault) reject(fault);
          else resolve(status);
        });
      });
      check(status, err);
      return length[0] ?? 0;
    } catch (fault) {
      this.#ended = true;
      throw fault;
    } finally {
      this.weight = null;
      leave();
      reading.delete(this);
      if (this.#ended) this.#free();
    }
  }

  #tell(last: boolean): void {
    const now = performance.now();
    if (!last && now - this.#told < TOLD_EVERY_MS) return;
    this.#told = now;
    this.#onProgress?.(this.#done, this.#total);
  }

  #free(): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    forgotten.unregister(this);
    free(held);
  }
}

function ended(): CancelledError {
  return new CancelledError("CANCELLED", "the body was given up, or its client was closed");
}

/** Tells how far the answer of a call has come, until it has ended. @internal */
export class Watch {
  readonly #request: Pointer;
  readonly #onProgress: OnProgress | undefined;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #last = -1;
  #call: Pointer | null = null;
  #thrown: { reason: unknown } | undefined;

  constructor(request: Pointer, onProgress: OnProgress | undefined) {
    this.#request = request;
    this.#onProgress = onProgress;
    if (onProgress) this.#timer = setInterval(() => this.#look(), TOLD_EVERY_MS);
  }

  /** The call begins, on this handle, on which it is cancelled. */
  begins(call: Pointer): void {
    this.#call = call;
    if (this.#thrown) library.keyfob_client_cancel(call, null);
  }

  /** The call has returned. */
  ends(): void {
    clearInterval(this.#timer);
    this.#call = null;
    if (this.#onProgress) this.#look();
  }

  /** What the call gives, or what `onProgress` threw: from a timer nobody could catch it. */
  async outcome<T>(call: Promise<T>): Promise<T> {
    const [given] = await Promise.allSettled([call]);
    if (this.#thrown) throw this.#thrown.reason;
    if (given.status === "rejected") throw given.reason;
    return given.value;
  }

  #look(): void {
    const done: Out<number | bigint> = [null];
    const total: Out<number | bigint> = [null];
    library.keyfob_request_progress(this.#request, done, total, null);
    const [now, all] = [Number(done[0]), Number(total[0])];
    if (now === this.#last || this.#thrown) return;
    this.#last = now;
    try {
      this.#onProgress?.(now, all < 0 ? null : all);
    } catch (reason) {
      this.#thrown = { reason };
      clearInterval(this.#timer);
      if (this.#call) library.keyfob_client_cancel(this.#call, null);
    }
  }
}
