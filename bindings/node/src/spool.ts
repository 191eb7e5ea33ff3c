// Bodies of requests that come from a stream. C reads a body on a worker thread, where JavaScript cannot
// be called; so a stream that is more than a little goes through a file, which is deleted afterwards.

import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ArgumentError } from "./errors";
import { weight } from "./weight";

/** What is no more than this stays in memory. */
const LITTLE = 1 << 20;

/** A stream's bytes: in memory, or in a file that `remove` deletes. */
export interface Spooled {
  bytes?: Uint8Array;
  file?: string;
  remove?: () => Promise<void>;
}

/** Reads a stream to its end. */
export async function spool(stream: AsyncIterable<unknown>): Promise<Spooled> {
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
    for await (const piece of stream) {
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
