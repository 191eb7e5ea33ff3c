// How many calls wait in native code at once. Those beyond that wait here, in order.
//
// A call that waits holds a thread of libuv's pool, which by default are four, and files, DNS and
// crypto of the whole process need them too. The last thread is never taken: a cloud that does not
// answer must not keep a program from reading its files.

const threads = Number(process.env["UV_THREADPOOL_SIZE"]) || 4;

let free = Math.max(1, threads - 1);
const waiting: (() => void)[] = [];

/** Takes a place, if one is free at once. */
export function enterAtOnce(): boolean {
  if (free === 0) return false;
  free -= 1;
  return true;
}

/** Takes a place if that leaves one: for what nobody waits for yet. */
export function enterBesides(): boolean {
  return free > 1 && enterAtOnce();
}

/** Runs `enter` when a place is free. What this gives stops waiting for one. */
export function queue(enter: () => void): () => void {
  waiting.push(enter);
  return () => {
    const at = waiting.indexOf(enter);
    if (at >= 0) waiting.splice(at, 1);
  };
}

/** Gives a place to whoever waits longest. */
export function leave(): void {
  const next = waiting.shift();
  if (next) next();
  else free += 1;
}
