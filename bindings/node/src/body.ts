// Bodies of answers that are read as they come: a stream that asks for a piece when it is read, and ends
// with whoever gives it up.
//
//     something has come     it is read here, without waiting
//     little or nothing has  a worker thread waits, and reads what has come until it runs
//     a piece is worked on   a worker thread reads what has come meanwhile: one piece, and no more

import { STATUSES } from "./abi";
import { CancelledError, check } from "./errors";
import { enterAtOnce, enterBesides, leave, queue } from "./lane";
import { type Out, type Pointer, library } from "./library";
import { turnIsOver } from "./turn";
import { press } from "./weight";

/** Is told how many bytes of a body have come, and of how many; null where that is not known. */
export type OnProgress = (done: number, total: number | null) => void;

/** What a body that is still to be read holds in C. */
interface Held {
  /** The call that it belongs to: who cancels it ends the reading. */
  readonly call: Pointer;
  readonly response: Pointer;
  readonly request: Pointer;
}

/** The most that one call reads, in bytes. */
const MOST = 262_144;

/** How long a piece is worked on, in milliseconds, that makes up for the two wake-ups of a thread. */
const WORK_MS = 0.1;

/** The most that the first call reads, in bytes: most bodies are smaller. */
const FIRST = 65_536;

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
  readonly #onProgress: OnProgress | undefined;
  /** In bytes, where that is known. */
  readonly #total: number | null;
  #held: Held | null;
  /** The piece after the one that somebody has: it is being read, or is there. Null in it: nothing had come. */
  #ahead: Promise<Uint8Array | null> | null = null;
  /** When the last piece was given. */
  #givenAt = Infinity;
  /** Whether the reader worked on the piece before for so long that reading ahead pays. */
  #isWorkedOn = false;
  /** What was read into and is free again: nothing came, or little, which was copied. */
  #spare: Uint8Array | null = null;
  /** How large a piece may be. It grows while pieces come full. */
  #room = FIRST;
  /** Whether the last piece was full. Then more is at hand; else it would only keep a thread waiting. */
  #full = false;
  /** How many bytes were read. */
  #come = 0;
  /** How many bytes were given. */
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

  /** Gives one piece: what a stream calls when somebody wants more. */
  async pull(controller: ReadableByteStreamController): Promise<void> {
    this.#isWorkedOn = performance.now() - this.#givenAt > WORK_MS;
    const ahead = this.#ahead;
    this.#ahead = null;
    const piece = (await ahead) ?? (await this.#next());
    if (this.#ended) throw ended();
    this.#done += piece.length;
    try {
      this.#tell(piece.length === 0);
    } catch (reason) {
      this.end(); // a stream that failed is not given up by anybody any more
      throw reason;
    }
    if (piece.length === 0) {
      this.#free();
      controller.close();
      controller.byobRequest?.respond(0);
      return;
    }
    this.#readAhead();
    press(piece.buffer.byteLength);
    controller.enqueue(piece);
    this.#givenAt = performance.now();
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

  #readAhead(): void {
    if (!this.#full || !this.#isWorkedOn || this.#come === this.#total || !enterBesides()) return;
    // It does not wait: a body that is left half read keeps no thread, and no process from ending.
    this.#ahead = this.#read(library.keyfob_response_read_now);
    this.#ahead.catch(() => undefined); // whoever asks for the piece is told
  }

  /** The next piece, where none was read ahead. */
  async #next(): Promise<Uint8Array> {
    if (this.#come === this.#total) return this.#end();
    for (let over = turnIsOver(); over; over = turnIsOver()) await over;
    const here = this.#spare === null ? this.#readHere(library.keyfob_response_read_now, this.#buffer()) : null;
    if (here !== null) return here;
    if (!enterAtOnce()) await new Promise<void>((enter) => queue(enter));
    return (await this.#read(library.keyfob_response_read)) as Uint8Array;
  }

  /** Reads on this thread, where that does not wait; null where nothing has come. */
  #readHere(read: typeof library.keyfob_response_read, buffer: Uint8Array): Uint8Array | null {
    if (this.#held === null) throw ended();
    const length: Out<number> = [null];
    const err: Out<Pointer> = [null];
    const status = read(this.#held.response, buffer, buffer.length, length, err);
    try {
      return this.#came(status, err, buffer, length);
    } finally {
      if (this.#ended) this.#free();
    }
  }

  /** Reads one piece on a thread, and leaves the place among those that was taken for that. */
  async #read(how: typeof library.keyfob_response_read): Promise<Uint8Array | null> {
    const held = this.#held;
    if (held === null) {
      leave();
      throw ended();
    }
    reading.add(this);
    try {
      const buffer = this.#buffer();
      const length: Out<number> = [null];
      const err: Out<Pointer> = [null];
      const status = await new Promise<number>((resolve, reject) => {
        how.async(held.response, buffer, buffer.length, length, err, (fault, status) => {
          if (fault) reject(fault);
          else resolve(status);
        });
      });
      return this.#came(status, err, buffer, length);
    } finally {
      leave();
      reading.delete(this);
      if (this.#ended) this.#free();
    }
  }

  #buffer(): Uint8Array {
    const left = (this.#total ?? Infinity) - this.#come;
    const buffer = this.#spare ?? unfilled(Math.min(this.#room, left));
    this.#spare = null;
    return buffer;
  }

  /** What a read brought; null where nothing had come. A read that failed ends the body. */
  #came(status: number, err: Out<Pointer>, buffer: Uint8Array, length: Out<number>): Uint8Array | null {
    if (status === STATUSES.WOULD_BLOCK) {
      library.keyfob_error_free(err[0]);
      this.#spare = buffer;
      return null;
    }
    try {
      check(status, err);
    } catch (fault) {
      this.#ended = true;
      throw fault;
    }
    return this.#piece(buffer, length[0] ?? 0);
  }

  /** What came into a buffer. A copy where it is little: who keeps it must not keep all of the buffer. */
  #piece(buffer: Uint8Array, amount: number): Uint8Array {
    this.#come += amount;
    this.#full = amount === buffer.length;
    if (this.#full) this.#room = Math.min(this.#room * 4, MOST);
    const isLittle = amount < buffer.length / 4;
    this.#spare = isLittle ? buffer : null;
    if (isLittle) return buffer.slice(0, amount);
    buffer.fill(0, amount); // what memory held before is nobody's to see
    return buffer.subarray(0, amount);
  }

  /** The end of a body all of whose bytes have come: nothing is waited for. */
  #end(): Uint8Array {
    return this.#readHere(library.keyfob_response_read, new Uint8Array(1)) as Uint8Array;
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

/** A buffer that is not zeroed first. */
function unfilled(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
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
