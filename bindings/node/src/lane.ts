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

/** Waits for a place, until `signal` is aborted; then fails with its reason. */
export function enter(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const start = () => {
      signal.removeEventListener("abort", giveUp);
      resolve();
    };
    const giveUp = () => {
      waiting.splice(waiting.indexOf(start), 1);
      reject(signal.reason);
    };
    if (signal.aborted) return reject(signal.reason);
    waiting.push(start);
    signal.addEventListener("abort", giveUp);
  });
}

/** Gives a place to whoever waits longest. */
export function leave(): void {
  const next = waiting.shift();
  if (next) next();
  else free += 1;
}
