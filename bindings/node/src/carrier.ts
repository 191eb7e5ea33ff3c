// The token for another HTTP library: what is added to its requests, and whether an answer is worth a
// second try.

import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { choice, members, number } from "./arguments";
import type { CallOptions } from "./calls";
import { ArgumentError, OriginError } from "./errors";

/** What a client does for a request that another library sends. */
export interface Carrier {
  token(options?: CallOptions): Promise<string>;
  headers(options?: CallOptions): Promise<Record<string, string>>;
  headersFor(
    url: string | URL,
    options?: CallOptions & { method?: string; body?: string | Uint8Array },
  ): Promise<Record<string, string>>;
  isRefusal(status: number, body?: Uint8Array): boolean;
  refused(token: string, options?: CallOptions): Promise<void>;
  noteNonce(url: string, status: number, nonce: string | null, challenge: string | null): boolean;
}

/** What `interceptor` and `wrapFetch` take. */
export interface CarryOptions {
  /** The longest to wait for a token, in milliseconds. Absent: the client's `timeout_ms`. */
  timeout?: number | undefined;
  /**
   * What becomes of a request to a host that must not see the token: `"refuse"` fails with an
   * `OriginError` before anything is sent, and is what happens unless told; `"pass"` sends it
   * without the token.
   */
  elsewhere?: "refuse" | "pass" | undefined;
}

/** A request as it is presented. */
export interface Sent {
  url: string;
  method: string;
  /** The body, for clouds that have it signed; none where it is read while it is sent. */
  body: unknown;
  signal: AbortSignal | undefined;
}

/** A token, and what carries it. Without one, the request goes as it is. */
export interface Presented {
  readonly token: string | undefined;
  readonly headers: Record<string, string>;
  /** The names in lower case that nobody else sets. Null: none of them, each request is signed. */
  readonly own: ReadonlySet<string> | null;
}

/** In bytes: an error document has no more than this, and what is longer is data. */
const LARGEST_ERROR = 16_384;

/** Decides nothing by itself: asks the client, and says what it said. */
export class Carry {
  readonly #client: Carrier;
  readonly #options: CarryOptions;

  constructor(client: Carrier, options: CarryOptions) {
    const { timeout, elsewhere } = (this.#options = members(options, "options"));
    if (timeout !== undefined) number(timeout, "timeout", 0, Infinity);
    if (elsewhere !== undefined) choice(elsewhere, "elsewhere", ["refuse", "pass"]);
    this.#client = client;
  }

  /** What to add to a request. `passes`: it may go without a token where it must not have one. */
  async present(sent: Sent, passes = this.#options.elsewhere === "pass"): Promise<Presented> {
    const { signal } = sent;
    const limits = { timeout: this.#options.timeout, signal };
    const asked = { ...limits, method: sent.method, body: signable(sent.body) };
    try {
      // The token before the headers: should a renewal come between, `refused` is told of a token that
      // is gone already, and no good one is given up.
      const token = await this.#client.token(limits);
      const headers = await this.#client.headersFor(sent.url, asked);
      return { token, headers, own: await this.#own(limits) };
    } catch (fault) {
      if (!passes || !(fault instanceof OriginError)) throw fault;
      return { token: undefined, headers: {}, own: new Set() };
    }
  }

  async #own(limits: CallOptions): Promise<ReadonlySet<string> | null> {
    try {
      const names = Object.keys(await this.#client.headers(limits));
      return new Set(names.map((name) => name.toLowerCase()));
    } catch (fault) {
      if (fault instanceof ArgumentError) return null;
      throw fault;
    }
  }

  /** Whether the answer refuses the token. `body` is its beginning, as it came. */
  isRefusal(status: number, body: Uint8Array, encoding = ""): boolean {
    return this.#client.isRefusal(status, decoded(body, encoding));
  }

  /**
   * Whether the answer refuses the request for want of the nonce that it gives (RFC 9449): then it is sent
   * once more, and the token is good. `header` gives a header of the answer, or none.
   */
  wantsNonce(url: string, status: number, header: (name: string) => string | null): boolean {
    const [nonce, challenge] = [header("dpop-nonce"), header("www-authenticate")];
    return this.#client.noteNonce(url, status, nonce || null, challenge || null);
  }

  /** Has the token replaced. */
  refused(token: string, signal: AbortSignal | undefined): Promise<void> {
    return this.#client.refused(token, { timeout: this.#options.timeout, signal });
  }
}

/**
 * Whether the body of an answer may have a say in whether it refuses the token: any error's, and a small
 * JSON document's, since some clouds answer 200 to everything.
 */
export function mayRefuse(status: number, type: string, length: string): boolean {
  if (status >= 400) return true;
  return /[/+]json\b/i.test(type) && length !== "" && Number(length) <= LARGEST_ERROR;
}

/** Whether so many bytes are more than an error document has: then they need not be waited for. */
export function isData(size: number): boolean {
  return size > LARGEST_ERROR;
}

/** Whether a body can be sent twice. */
export function isRepeatable(body: unknown): boolean {
  return (
    body === undefined ||
    body === null ||
    typeof body === "string" ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) ||
    body instanceof Blob ||
    body instanceof FormData ||
    body instanceof URLSearchParams
  );
}

/** Puts what carries the token into a request's headers. */
export function put(presented: Presented, has: (name: string) => boolean): [string, string][] {
  const { headers, own } = presented;
  return Object.entries(headers).filter(([name]) => (own?.has(name.toLowerCase()) ?? true) || !has(name));
}

function signable(body: unknown): string | Uint8Array {
  if (typeof body === "string") return body;
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  if (body instanceof URLSearchParams) return body.toString();
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  return new Uint8Array();
}

const DECODERS = { gzip: gunzipSync, deflate: inflateSync, br: brotliDecompressSync };

/** An error document as it was before it was packed. What cannot be unpacked is judged by its status. */
function decoded(body: Uint8Array, encoding: string): Uint8Array {
  const decode = DECODERS[encoding.trim().toLowerCase() as keyof typeof DECODERS];
  if (decode === undefined) return body;
  try {
    return decode(body, { maxOutputLength: LARGEST_ERROR });
  } catch {
    return new Uint8Array();
  }
}
