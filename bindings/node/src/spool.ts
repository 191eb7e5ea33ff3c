// Bodies of requests that come from a stream. C reads a body on a worker thread, where JavaScript cannot
// be called; so a stream that is more than a little goes through a file, which is deleted afterwards.

import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ArgumentError, TimeoutError } from "./errors";
import { onAbort } from "./signals";
import { weight } from "./weight";

/** What is no more than this stays in memory. */
const LITTLE = 1 << 20;

/** A stream's bytes: in memory, or in a file that `remove` deletes. */
export interface Spooled {
  bytes?: Uint8Array;
  file?: string;
  remove?: () => Promise<void>;
}

/** What ends the reading of a stream before its end: the call's own signal and limit, in milliseconds. */
export interface Until {
  signal: AbortSignal | undefined;
  limit: number;
}

/** The pieces of a stream, as long as its call lasts. A stream that does not come to its end is given up. */
async function* within(stream: AsyncIterable<unknown>, until: Until): AsyncGenerator<unknown> {
  const { next, giveUp } = source(stream);
  const { signal, limit } = until;
  let ended: { reason: unknown } | undefined;
  let wake = () => {};
  const end = (reason: unknown) => {
    ended ??= { reason };
    wake();
  };
  const unheard = signal && onAbort(signal, () => end(signal.reason));
  const late = `the body's stream did not end within ${limit} ms (timeout_ms, or the call's own limit)`;
  const over = () => end(new TimeoutError("TIMEOUT", late, { retriable: true }));
  const timer = setTimeout(over, limit);
  let whole = false;
  try {
    for (;;) {
      const piece = await new Promise<IteratorResult<unknown>>((resolve, reject) => {
        wake = () => reject(ended?.reason);
        if (ended) wake();
        else next().then(resolve, reject);
      });
      whole = piece.done === true;
      if (whole) return;
      yield piece.value;
    }
  } finally {
    clearTimeout(timer);
    unheard?.();
    // Not waited for: a stream that gives nothing may not end either.
    if (!whole) giveUp()?.catch(() => undefined);
  }
}

/** How a stream is read, and given up while it is: an iterator ends only between two pieces. */
function source(stream: AsyncIterable<unknown>) {
  if (stream instanceof ReadableStream) {
    const reader = stream.getReader();
    const next = () => reader.read() as Promise<IteratorResult<unknown>>;
    return { next, giveUp: () => reader.cancel() };
  }
  const pieces = stream[Symbol.asyncIterator]();
  const end = () => pieces.return?.() as Promise<unknown> | undefined;
  return { next: () => pieces.next(), giveUp: end };
}

/** Reads a stream to its end. */
export async function spool(stream: AsyncIterable<unknown>, until: Until): Promise<Spooled> {
  const little: Uint8Array[] = [];
  const written: { weight?: unknown } = {};
  let size = 0;
  let out: FileHandle | undefined;
  let folder: string | undefined;
  const remove = async () => {
    await out?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  };
  try {
    for await (const piece of within(stream, until)) {
      const bytes = typeof piece === "string" ? Buffer.from(piece) : (piece as Uint8Array);
      if (!ArrayBuffer.isView(bytes)) {
        throw new ArgumentError("INVALID_ARGUMENT", "a body's stream gives bytes or text");
      }
      size += bytes.length;
      if (out === undefined && size > LITTLE) {
        folder = await mkdtemp(join(tmpdir(), "keyfob-"));
        out = await open(join(folder, "body"), "wx", 0o600);
        for (const each of little.splice(0)) await out.writeFile(each);
      }
      if (out) {
        // Twice: streams of files have a piece more at work.
        written.weight = [weight(bytes.length), weight(bytes.length)];
        await out.writeFile(bytes);
        written.weight = null;
      } else little.push(bytes);
    }
  } catch (fault) {
    await remove();
    throw fault;
  }
  if (out === undefined) return { bytes: Buffer.concat(little) };
  await out.close();
  out = undefined;
  return { file: join(folder as string, "body"), remove };
}
