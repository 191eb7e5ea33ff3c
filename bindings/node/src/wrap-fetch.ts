// The token for programs that use `fetch`, or a library that takes one.

import { callable } from "./arguments";
import { Carry, type CarryOptions, type Carrier, isData, isRepeatable, mayRefuse, put } from "./carrier";

/** As `fetch`: of Node, of undici, of whoever has one. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** More redirects than this are a circle (WHATWG Fetch 4.4). */
const REDIRECTS = 20;

/** What of a request's body is read before it is sent, in bytes, to be able to send it again. */
const KEPT = 1 << 20;

/** A request, or what is left of it after a redirect. */
interface Leg {
  url: URL;
  method: string;
  headers: Headers;
  body: RequestInit["body"];
}

/** Gives a `fetch` whose requests carry the token. */
export function wrapFetch(client: Carrier, fetch: Fetch, options: CarryOptions): Fetch {
  callable(fetch, "fetch");
  const carry = new Carry(client, options);
  return async (input, init = {}) => {
    const request = typeof input === "object" && "headers" in input ? input : undefined;
    const signal = init.signal ?? request?.signal ?? undefined;
    const redirect = init.redirect ?? request?.redirect ?? "follow";
    let leg: Leg = {
      url: new URL(request ? request.url : String(input)),
      method: (init.method ?? request?.method ?? "GET").toUpperCase(),
      headers: new Headers(init.headers ?? request?.headers),
      body: init.body ?? (request?.body ? await peeked(request.body) : null),
    };
    const send = (headers: Headers) => {
      const { method, body } = leg;
      const duplex = body instanceof ReadableStream ? { duplex: "half" } : {};
      const how = redirect === "follow" ? "manual" : redirect;
      // What a library made of its own says is passed on, such as undici's `dispatcher`.
      const all = { ...init, signal, redirect: how, ...duplex, method, headers, body };
      return fetch(leg.url.href, all as RequestInit);
    };
    let tries = 2;
    let nonces = 1;
    for (let hops = 0; ; ) {
      const { body, method, url } = leg;
      const sent = { url: url.href, method, body, signal };
      const presented = await carry.present(sent, hops > 0 ? true : undefined);
      const headers = new Headers(leg.headers);
      put(presented, (name) => leg.headers.has(name)).forEach(([name, value]) => headers.set(name, value));
      const answer = await send(headers);
      const wants = presented.token !== undefined &&
        carry.wantsNonce(url.href, answer.status, (name) => answer.headers.get(name));
      if (wants && nonces > 0 && isRepeatable(body)) {
        nonces -= 1;
        await answer.body?.cancel();
        continue;
      }
      const next = redirect === "follow" ? redirected(leg, answer) : null;
      if (next !== null) {
        await answer.body?.cancel();
        hops += 1;
        if (hops > REDIRECTS) throw new TypeError("fetch failed: too many redirects");
        leg = next;
        continue;
      }
      tries -= 1;
      const { token } = presented;
      if (token === undefined || tries < 1 || !(await isRefusal(carry, answer))) return told(answer, hops);
      if (!isRepeatable(body)) {
        // The caller gets the answer, and may send again, with another token.
        await carry.refused(token, signal).catch(() => undefined);
        return told(answer, hops);
      }
      await answer.body?.cancel();
      await carry.refused(token, signal);
    }
  };
}

function told(answer: Response, hops: number): Response {
  return hops === 0 ? answer : Object.defineProperty(answer, "redirected", { value: true });
}

async function isRefusal(carry: Carry, answer: Response): Promise<boolean> {
  const { status, headers } = answer;
  const [type, length] = [headers.get("content-type") ?? "", headers.get("content-length") ?? ""];
  if (!mayRefuse(status, type, length)) return false;
  // The caller reads the answer itself; this is a copy of what it begins with.
  const reader = answer.clone().body?.getReader();
  const pieces: Uint8Array[] = [];
  for (let size = 0; reader && !isData(size); ) {
    const { done, value } = await reader.read();
    if (done) return carry.isRefusal(status, Buffer.concat(pieces));
    pieces.push(value);
    size += value.length;
  }
  // Not waited for: it ends when the caller's part ends, too.
  void reader?.cancel().catch(() => undefined);
  return carry.isRefusal(status, Buffer.concat(pieces));
}

/** Where an answer leads on, by the rules of WHATWG Fetch 4.4. What carries the token is added anew. */
function redirected(leg: Leg, answer: Response): Leg | null {
  const to = answer.headers.get("location");
  if (to === null || ![301, 302, 303, 307, 308].includes(answer.status)) return null;
  const url = new URL(to, leg.url);
  if (url.hash === "") url.hash = leg.url.hash;
  const headers = new Headers(leg.headers);
  if (url.origin !== leg.url.origin) {
    ["authorization", "proxy-authorization", "cookie", "host"].forEach((name) => headers.delete(name));
  }
  const { status } = answer;
  const turns =
    (status < 303 && leg.method === "POST") || (status === 303 && !["GET", "HEAD"].includes(leg.method));
  if (turns) {
    for (const name of [...headers.keys()]) if (name.startsWith("content-")) headers.delete(name);
    return { url, method: "GET", headers, body: null };
  }
  if (!isRepeatable(leg.body)) throw new TypeError("fetch failed: a stream cannot follow a redirect");
  return { url, method: leg.method, headers, body: leg.body };
}

/** The body of a `Request`, which is a stream even where it was made from a text: as bytes if it is small. */
async function peeked(stream: ReadableStream<Uint8Array>): Promise<RequestInit["body"]> {
  const reader = stream.getReader();
  const pieces: Uint8Array[] = [];
  for (let size = 0; size <= KEPT; ) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(pieces);
    pieces.push(value);
    size += value.length;
  }
  return new ReadableStream({
    async pull(controller) {
      const kept = pieces.shift();
      const { done, value } = kept ? { done: false, value: kept } : await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
