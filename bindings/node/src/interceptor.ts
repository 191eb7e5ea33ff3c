// The token for programs that use undici: an interceptor for `dispatcher.compose`. undici 7 and later hand
// handlers with `onRequestStart` to it, undici 6 those with `onConnect`; what is here has both faces.

import { stringify } from "node:querystring";
import { Carry, type CarryOptions, type Carrier, isData, isRepeatable, mayRefuse, put } from "./carrier";

// undici is no dependency of this package's, and its types differ by version.
type Dispatch = (options: any, handler: any) => boolean;

/** What `dispatcher.compose` of undici takes. */
export type Interceptor = (dispatch: Dispatch) => Dispatch;

/** Gives an interceptor whose requests carry the token. */
export function interceptor(client: Carrier, options: CarryOptions): Interceptor {
  const carry = new Carry(client, options);
  return (dispatch) => (options, handler) => {
    void new Flight(carry, dispatch, options, handler).go();
    return true;
  };
}

/** An answer that may refuse the token, until all of it has come. */
interface Held {
  /** Gives its head to whoever asked. */
  readonly begin: () => unknown;
  readonly status: number;
  readonly encoding: string;
  readonly pieces: Uint8Array[];
  size: number;
}

/** One request, and its second try. */
class Flight {
  readonly #carry: Carry;
  readonly #dispatch: Dispatch;
  readonly #options: any;
  readonly #handler: any;
  readonly #signal: AbortSignal | undefined;
  #url = "";
  #token: string | undefined;
  #held: Held | undefined;
  #replays = false;
  /** Whether the answer refuses the request for want of a nonce, and whether one was already given. */
  #wantsNonce = false;
  #hasNonce = false;

  constructor(carry: Carry, dispatch: Dispatch, options: any, handler: any) {
    const { query, path, signal } = options;
    const questions = query ? stringify(query) : "";
    this.#carry = carry;
    this.#dispatch = dispatch;
    this.#options = questions ? { ...options, path: `${path}?${questions}`, query: undefined } : options;
    this.#handler = handler;
    this.#signal = signal instanceof AbortSignal ? signal : undefined;
  }

  async go(): Promise<void> {
    const { origin, path, method, body } = this.#options;
    try {
      this.#url = new URL(path, origin).href;
      const sent = { url: this.#url, method, body, signal: this.#signal };
      const presented = await this.#carry.present(sent);
      this.#token = presented.token;
      const own = lines(this.#options.headers);
      const names = new Set(own.map(([name]) => name.toLowerCase()));
      const added = put(presented, (name) => names.has(name.toLowerCase()));
      const taken = new Set(added.map(([name]) => name.toLowerCase()));
      const left = own.filter(([name]) => !taken.has(name.toLowerCase()));
      this.#dispatch({ ...this.#options, headers: [...left, ...added].flat() }, this);
    } catch (fault) {
      this.#fail(fault);
    }
  }

  #fail(fault: unknown): void {
    if (this.#handler.onResponseError) this.#handler.onResponseError(null, fault);
    else this.#handler.onError?.(fault);
  }

  /** Keeps an answer back that may refuse the token. */
  #hold(status: number, field: (name: string) => string, begin: () => unknown): boolean {
    if (this.#token === undefined || status < 200) return false;
    this.#wantsNonce = this.#carry.wantsNonce(this.#url, status, field) && !this.#hasNonce;
    if (this.#replays && !this.#wantsNonce) return false;
    if (!mayRefuse(status, field("content-type"), field("content-length"))) return false;
    this.#held = { begin, status, encoding: field("content-encoding"), pieces: [], size: 0 };
    return true;
  }

  /** Gives on what was kept back, and what the last of it was answered with. */
  #release(give: (piece: Uint8Array) => unknown): unknown {
    const held = this.#held;
    this.#held = undefined;
    return held?.pieces.reduce<unknown>((_, piece) => give(piece), held.begin());
  }

  /** Takes a piece, and says what to do with it if it is not kept back. */
  #take(piece: Uint8Array, give: (piece: Uint8Array) => unknown): unknown {
    const held = this.#held;
    if (!held) return give(piece);
    held.pieces.push(piece);
    held.size += piece.length;
    return isData(held.size) ? this.#release(give) : true;
  }

  /** The answer is there. `end` gives it on. */
  async #judge(give: (piece: Uint8Array) => unknown, end: () => unknown): Promise<void> {
    const held = this.#held;
    const token = this.#token;
    try {
      if (this.#wantsNonce && isRepeatable(this.#options.body)) {
        this.#held = undefined;
        this.#hasNonce = true;
        return await this.go();
      }
      const body = Buffer.concat(held?.pieces ?? []);
      if (held && token !== undefined && this.#carry.isRefusal(held.status, body, held.encoding)) {
        const repeats = isRepeatable(this.#options.body);
        const renewed = this.#carry.refused(token, this.#signal);
        // Without a second try, the caller gets the answer, and may send again, with another token.
        await (repeats ? renewed : renewed.catch(() => undefined));
        if (repeats) {
          this.#held = undefined;
          this.#replays = true;
          return await this.go();
        }
      }
    } catch (fault) {
      return this.#fail(fault);
    }
    this.#release(give);
    end();
  }

  // undici 7 and later.

  onRequestStart(controller: any, context: any): void {
    this.#handler.onRequestStart?.(controller, context);
  }

  onRequestUpgrade(...told: any[]): void {
    this.#handler.onRequestUpgrade?.(...told);
  }

  onResponseStart(controller: any, status: number, headers: any, message: any): void {
    const begin = () => this.#handler.onResponseStart?.(controller, status, headers, message);
    if (!this.#hold(status, (name) => String(headers[name] ?? ""), begin)) begin();
  }

  onResponseData(controller: any, piece: Uint8Array): void {
    this.#take(piece, (piece) => this.#handler.onResponseData?.(controller, piece));
  }

  onResponseEnd(controller: any, trailers: any): void {
    const end = () => this.#handler.onResponseEnd?.(controller, trailers);
    if (!this.#held) end();
    else void this.#judge((piece) => this.#handler.onResponseData?.(controller, piece), end);
  }

  onResponseError(controller: any, fault: unknown): void {
    this.#handler.onResponseError?.(controller, fault);
  }

  // undici 6.

  onConnect(abort: any, context: any): void {
    this.#handler.onConnect?.(abort, context);
  }

  onUpgrade(...told: any[]): void {
    this.#handler.onUpgrade?.(...told);
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.();
  }

  onBodySent(...told: any[]): void {
    this.#handler.onBodySent?.(...told);
  }

  onHeaders(status: number, raw: any[], resume: () => void, message: string): unknown {
    const field = (name: string) => {
      const at = raw.findIndex((each, i) => i % 2 === 0 && String(each).toLowerCase() === name);
      return at < 0 ? "" : String(raw[at + 1]);
    };
    const begin = () => this.#handler.onHeaders?.(status, raw, resume, message);
    return this.#hold(status, field, begin) || begin();
  }

  onData(piece: Uint8Array): unknown {
    return this.#take(piece, (piece) => this.#handler.onData?.(piece));
  }

  onComplete(trailers: any): void {
    const end = () => this.#handler.onComplete?.(trailers);
    if (!this.#held) end();
    else void this.#judge((piece) => this.#handler.onData?.(piece), end);
  }

  onError(fault: unknown): void {
    this.#handler.onError?.(fault);
  }
}

/** Headers in any form that undici takes, a pair each. */
function lines(headers: any): [string, string][] {
  if (!headers) return [];
  if (Array.isArray(headers) && !Array.isArray(headers[0])) {
    return headers.flatMap((name, i) => (i % 2 === 0 ? [[String(name), headers[i + 1]] as [string, string]] : []));
  }
  return Symbol.iterator in headers ? [...headers] : Object.entries(headers);
}
