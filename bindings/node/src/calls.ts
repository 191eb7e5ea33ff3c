// The calls of a client that wait: each on a worker thread, with a limit and an end of its own.

import { aborting, checked, members } from "./arguments";
import type { Body } from "./body";
import { ArgumentError, CancelledError, TimeoutError, check } from "./errors";
import { enterAtOnce, leave, queue } from "./lane";
import { type Done, type Out, type Pointer, library } from "./library";
import { onAbort } from "./signals";

/** What every call that can wait takes. */
export interface CallOptions {
  /** Ends the call: it fails at once, with the signal's reason. */
  signal?: AbortSignal | null | undefined;
  /** The longest the call takes, in milliseconds. 0, or absent: the client's `timeout_ms`. */
  timeout?: number | undefined;
}

/** Begins a call of a C function on a worker thread. @internal */
export type Begin = (client: Pointer, err: Out<Pointer>, done: Done<number>) => void;

/** Takes a result; `keep` hands the call's handle over. */
type Take<T> = (keep: () => Pointer) => T;

/** How soon a call is cancelled that was still waiting for a thread when it was ended. */
const CANCEL_AGAIN_MS = 10;

/** No call takes longer, in milliseconds. */
const A_DAY = 86_400_000;

/** One call: a handle on the client for it alone, while it is on a thread, and what ends it. */
class Call {
  /** What to do when the call is ended now. */
  onEnd: ((reason: unknown) => void) | undefined;
  readonly #handle: Out<Pointer> = [null];
  readonly #fail: (reason: unknown) => void;
  #ended = false;

  /** `fail` tells the caller that the call was ended. */
  constructor(fail: (reason: unknown) => void) {
    this.#fail = fail;
  }

  get ended(): boolean {
    return this.#ended;
  }

  end(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#fail(reason);
    this.onEnd?.(reason);
  }

  /** Makes the handle. Whoever calls this calls `close` too. */
  open(client: Pointer, timeout: number): Pointer {
    const err: Out<Pointer> = [null];
    check(library.keyfob_client_share(client, timeout, this.#handle, err), err);
    return this.#handle[0] as Pointer;
  }

  /** Makes the call return, if it has begun. */
  cancel(): void {
    library.keyfob_client_cancel(this.#handle[0], null);
  }

  /** Hands the handle over: to a body that is still to be read. Whoever calls this frees it. */
  keep(): Pointer {
    const handle = this.#handle[0] as Pointer;
    this.#handle[0] = null;
    return handle;
  }

  close(): void {
    const handle = this.#handle[0];
    this.#handle[0] = null;
    library.keyfob_client_free(handle);
  }
}

/** Clients with calls under way. A process does not end before its worker threads do. */
const busy = new Set<Calls>();
process.on("exit", () => busy.forEach((calls) => calls.interrupt()));

const forgotten = new FinalizationRegistry((client: Pointer) => library.keyfob_client_free(client));

/** Owns a C client, and keeps it until no call is under way. @internal */
export class Calls {
  /** The longest a call takes that has no limit of its own: the client's `timeout_ms`. */
  limit: number;
  /** What to do when a call has returned. */
  onReturn: (() => void) | undefined;
  readonly #client: Pointer;
  readonly #bodies = new Set<WeakRef<Body>>();
  readonly #underWay = new Set<Call>();
  #idle: (() => void) | undefined;

  constructor(client: Pointer, limit: number) {
    this.#client = client;
    this.limit = limit;
    forgotten.register(this, client, this);
  }

  /**
   * Makes a call, and gives what `take` finds when it succeeded and was not ended. `release` runs when
   * the call has returned, which can be after it was ended.
   */
  async run<T>(
    options: CallOptions | null,
    begin: Begin,
    take: Take<T>,
    release?: () => void,
  ): Promise<T> {
    const { signal: given, timeout } = members(options, "options");
    const signal = aborting(given);
    let unheard: (() => void) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        const call = new Call(reject);
        const end = () => call.end(signal?.reason);
        if (signal?.aborted) end();
        else if (signal) unheard = onAbort(signal, end);
        this.#work(call, timeout, begin, take, release).then(resolve, reject);
      });
    } finally {
      unheard?.();
    }
  }

  async #work<T>(
    call: Call,
    timeout: number | undefined,
    begin: Begin,
    take: Take<T>,
    release?: () => void,
  ): Promise<T> {
    this.#underWay.add(call);
    busy.add(this);
    try {
      const left = await place(call, this.limitOf(timeout));
      try {
        await onThread(call, call.open(this.#client, left), begin);
        if (call.ended) throw cancelled();
        return take(() => call.keep());
      } finally {
        call.close();
        leave();
      }
    } finally {
      release?.();
      this.#remove(call);
    }
  }

  /** How long a call may take, in milliseconds, that was given `timeout`. */
  limitOf(timeout: number | undefined): number {
    return timeout ? milliseconds(timeout) : this.limit;
  }

  #remove(call: Call): void {
    this.#underWay.delete(call);
    this.onReturn?.();
    if (this.#underWay.size > 0) return;
    busy.delete(this);
    this.#idle?.();
  }

  /** Ends the body, too, when the client is closed. It is freed when nobody holds it any more. */
  adopt(body: Body): Body {
    for (const each of this.#bodies) if (!each.deref()) this.#bodies.delete(each);
    this.#bodies.add(new WeakRef(body));
    return body;
  }

  /** Ends every call, also those that have not got a thread yet. */
  end(): void {
    this.#underWay.forEach((call) => call.end(cancelled()));
  }

  /** Makes every thread return, for a process that ends. */
  interrupt(): void {
    this.#underWay.forEach((call) => call.cancel());
  }

  /** Waits until no call is under way, and frees the client. Once, and nothing after it. */
  async close(): Promise<void> {
    for (const body of this.#bodies) body.deref()?.end();
    if (this.#underWay.size > 0) await new Promise<void>((idle) => (this.#idle = idle));
    forgotten.unregister(this);
    library.keyfob_client_free(this.#client);
  }
}

function cancelled(): CancelledError {
  return new CancelledError("CANCELLED", "the call was cancelled", { retriable: true });
}

function milliseconds(timeout: number): number {
  if (timeout > 0) return Math.min(Math.ceil(timeout), A_DAY);
  throw new ArgumentError("INVALID_ARGUMENT", "timeout must be milliseconds, 0 or more");
}

/** Waits for a place among the calls on threads, and says how much of the time limit is left. */
async function place(call: Call, timeout: number): Promise<number> {
  if (enterAtOnce()) return timeout;
  const from = performance.now();
  let late: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const giveUp = queue(resolve);
      call.onEnd = (reason) => {
        giveUp();
        reject(reason);
      };
      late = setTimeout(() => call.onEnd?.(tooLate(timeout)), timeout);
    });
  } finally {
    call.onEnd = undefined;
    clearTimeout(late);
  }
  return Math.max(1, Math.round(timeout - (performance.now() - from)));
}

function tooLate(timeout: number): TimeoutError {
  const what = `no thread was free within ${timeout} ms: see UV_THREADPOOL_SIZE in docs/node.md`;
  return new TimeoutError("TIMEOUT", what, { retriable: true });
}

async function onThread(call: Call, handle: Pointer, begin: Begin): Promise<void> {
  if (call.ended) throw cancelled();
  const err: Out<Pointer> = [null];
  let again: NodeJS.Timeout | undefined;
  // A call that has no thread yet cannot be cancelled, and nothing tells when it gets one.
  call.onEnd = () => {
    call.cancel();
    again = setInterval(() => call.cancel(), CANCEL_AGAIN_MS);
  };
  try {
    const status = await new Promise<number>((resolve, reject) => {
      checked(() => begin(handle, err, (fault, status) => (fault ? reject(fault) : resolve(status))));
    });
    check(status, err);
  } finally {
    call.onEnd = undefined;
    clearInterval(again);
  }
}
