// News of a client as events, and as tokens one after the other. A worker thread that waits would be one
// of four for as long; so the event loop looks, which costs a call that does not wait.

import { EventEmitter } from "node:events";
import { setImmediate } from "node:timers";
import type { ClientEvents, KeyfobEventMap } from "./event-map";
import { failure } from "./errors";
import { type Out, library, type Pointer } from "./library";
import type { Status } from "./status";

const LEVELS = ["error", "warn", "info", "debug"] as const;

/** How often the event loop looks, in milliseconds. A client's own calls are looked at when they end. */
const LOOK_MS = 500;

/** What the events need of a client. */
export interface Watched {
  /** Null once it was closed. */
  handle(): Pointer | null;
  token(): Promise<string>;
  tryToken(): string;
  status(): Status;
}

/** The number of the last news. Never waits. */
export function newsNumber(client: Pointer): number {
  const number: Out<number | bigint> = [null];
  library.keyfob_client_wait(client, 0, 0, number, null);
  return Number(number[0] ?? 0);
}

/** Emits what happens to a client, for as long as somebody listens. Keeps no process alive. */
export class Emitter extends EventEmitter<KeyfobEventMap> implements ClientEvents {
  readonly #client: Watched;
  #timer: NodeJS.Timeout | undefined;
  #known = 0;
  #token: string | undefined;
  #held = false;
  #lastError: string | undefined;
  #renewing = false;

  /** @internal */
  constructor(client: Watched) {
    super();
    this.#client = client;
    (this as EventEmitter).on("newListener", () => this.#start());
  }

  #start(): void {
    if (this.#timer || this.#client.handle() === null) return;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
    setImmediate(() => this.look());
  }

  /** Looks once, and emits what is new. @internal */
  look(): void {
    const client = this.#client.handle();
    const names: (string | symbol)[] = this.eventNames();
    const heard = names.some((name) => name !== "newListener");
    if (client === null || !heard) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    if (client === null || !this.#timer) return;
    this.#log(client);
    const number = newsNumber(client);
    if (number !== this.#known) {
      this.#known = number;
      this.#news();
    }
    this.#renewIfDue();
  }

  #news(): void {
    const { hold_ms: held, last_error: error, state } = this.#client.status();
    const failed = error ? JSON.stringify(error) : undefined;
    if (failed !== this.#lastError) {
      this.#lastError = failed;
      if (error && this.listenerCount("error") > 0) this.emit("error", failure(error));
    }
    if ((held !== null) !== this.#held) {
      this.#held = held !== null;
      if (held !== null) this.emit("hold", held);
    }
    if (state !== "fresh" && state !== "due") return;
    const token = this.#client.tryToken();
    if (token === this.#token) return;
    this.#token = token;
    this.emit("token", token);
  }

  /** Where nobody else renews, who listens for tokens does. */
  #renewIfDue(): void {
    if (this.#renewing || this.listenerCount("token") === 0) return;
    const { state, pause_ms: pause, hold_ms: held } = this.#client.status();
    if ((state !== "due" && state !== "expired") || pause !== null || held !== null) return;
    this.#renewing = true;
    const looked = () => {
      this.#renewing = false;
      this.look();
    };
    // What comes of a failure is news.
    this.#client.token().then(looked, looked);
  }

  #log(client: Pointer): void {
    const level: Out<number> = [null];
    const line: Out<string> = [null];
    while (library.keyfob_client_next_log(client, level, line, null) === 0 && line[0] !== null) {
      this.emit("log", LEVELS[(level[0] ?? 1) - 1] ?? "error", line[0]);
    }
  }
}
