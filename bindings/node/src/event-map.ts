// What a client tells as events. Apart from what emits them, so that the package's types need none of
// Node's.

import type { KeyfobError } from "./errors";

/** What `client.events` emits, with what. */
export interface KeyfobEventMap {
  /** Another token, to be used from now on; the first one, too. */
  token: [token: string];
  /** Logins are held back: for so many milliseconds, since the cloud rejected what they send. */
  hold: [ms: number];
  /** A renewal failed. `client.status()` says whether the token at hand is still good. */
  error: [error: KeyfobError];
  /** A log line, where the client was made with `log`. */
  log: [level: "error" | "warn" | "info" | "debug", line: string];
}

/** What `client.events` is: an `EventEmitter` of Node, of which these are the calls that matter here. */
export interface ClientEvents {
  /** Calls `listener` each time. */
  on<Name extends keyof KeyfobEventMap>(
    name: Name,
    listener: (...told: KeyfobEventMap[Name]) => void,
  ): this;
  /** Calls `listener` the next time. */
  once<Name extends keyof KeyfobEventMap>(
    name: Name,
    listener: (...told: KeyfobEventMap[Name]) => void,
  ): this;
  /** Calls it no more. */
  off<Name extends keyof KeyfobEventMap>(
    name: Name,
    listener: (...told: KeyfobEventMap[Name]) => void,
  ): this;
  /** Calls nobody any more: for this name, or at all. */
  removeAllListeners(name?: keyof KeyfobEventMap): this;
  /** How many listen. */
  listenerCount(name: keyof KeyfobEventMap): number;
}
