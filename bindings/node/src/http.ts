// From what fetch takes to a C request, and from a C response to what fetch gives.

import { check } from "./errors";
import { checked, text, url } from "./arguments";
import type { Body, OnProgress } from "./body";
import type { CallOptions } from "./calls";
import { type Out, type Pointer, copy, library } from "./library";
import { type Spooled, type Until, spool } from "./spool";

/** What `fetch` takes, as far as it means something here. */
export interface FetchOptions extends CallOptions {
  /** `GET` if absent. */
  method?: string | undefined;
  /**
   * Those that carry the token, and those of the connection (`Host`, `Content-Length`, ...), are
   * not the caller's to set.
   */
  headers?: RequestInit["headers"] | undefined;
  /** A text has no type of its own here: set `Content-Type`, or leave it to the cloud's profile. */
  body?: RequestInit["body"] | AsyncIterable<Uint8Array | string> | undefined;
  /**
   * Whether sending the request twice does no harm, so that it may be repeated after a fault that
   * leaves open whether it was carried out. True for GET, HEAD, OPTIONS, PUT and DELETE.
   */
  idempotent?: boolean | undefined;
  /** A file to send as the body, in place of `body`. It is read while it is sent. */
  bodyFile?: string | undefined;
  /**
   * Whether the response is given once its head is there, and its body read as it comes: one piece
   * whenever somebody reads, and no more of it once the stream is cancelled. `timeout` is for the
   * head then, and so is `signal`. Else the answer is read whole, and may have `max_body_bytes`.
   */
  stream?: boolean | undefined;
  /** Is told how far the body of the answer has come, at most ten times a second and at the end. */
  onProgress?: OnProgress | undefined;
}

/** A request as it will be sent. */
export interface Outgoing {
  method: string;
  url: string;
  headers: Headers;
  body: Uint8Array | undefined;
  idempotent: boolean | undefined;
  /** A file to be sent as the body. */
  file: string | undefined;
  /** Deletes it, where it is ours. */
  remove: (() => Promise<void>) | undefined;
}

/** Puts a request together; a body that is a stream is read to its end, by way of a file if it is large. */
export async function outgoing(
  input: string | URL | Request,
  options: FetchOptions,
  until: Until,
): Promise<Outgoing> {
  const request = input instanceof Request ? input : undefined;
  const { bodyFile, idempotent } = options;
  const method = text(options.method ?? request?.method ?? "GET", "method");
  const target = request?.url ?? url(input);
  const headers = checked(() => new Headers(options.headers ?? request?.headers));
  if (bodyFile !== undefined) text(bodyFile, "bodyFile");
  const body = bodyFile === undefined ? (options.body ?? request?.body) : undefined;
  const { bytes, type, file, remove } = await content(body, until);
  if (type && !headers.has("content-type")) headers.set("content-type", type);
  return {
    method,
    url: target,
    headers,
    body: bytes,
    idempotent: idempotent === undefined ? undefined : !!idempotent,
    file: bodyFile ?? file,
    remove,
  };
}

/** A body's bytes, and its type where it has one by nature, as a form has. */
async function content(body: FetchOptions["body"], until: Until): Promise<Spooled & { type?: string }> {
  if (body === null || body === undefined) return {};
  if (typeof body === "object" && Symbol.asyncIterator in body) {
    return spool(body as AsyncIterable<unknown>, until);
  }
  if (typeof body === "string") return { bytes: Buffer.from(body) };
  const read = new Response(body as RequestInit["body"]);
  const type = read.headers.get("content-type");
  return { bytes: new Uint8Array(await read.arrayBuffer()), ...(type ? { type } : {}) };
}

/** Makes a C request. It is the caller's to free. @internal */
export function open({ method, url: to, headers, body, file, idempotent }: Outgoing): Pointer {
  const made: Out<Pointer> = [null];
  const err: Out<Pointer> = [null];
  check(library.keyfob_request_new(text(method, "method"), text(to, "url"), made, err), err);
  const request = made[0] as Pointer;
  try {
    headers.forEach((value, name) => {
      check(library.keyfob_request_set_header(request, name, value, err), err);
    });
    if (body) check(library.keyfob_request_set_body(request, body, body.length, err), err);
    if (file !== undefined) check(library.keyfob_request_set_body_file(request, text(file, "bodyFile"), err), err);
    if (idempotent !== undefined) {
      check(library.keyfob_request_set_idempotent(request, idempotent, err), err);
    }
    return request;
  } catch (fault) {
    library.keyfob_request_free(request);
    throw fault;
  }
}

/** Statuses whose answers have no body (WHATWG Fetch 2.2.3). */
const BODILESS = [101, 103, 204, 205, 304];

/** An answer that is one of several. */
export type Page = Response & {
  /** The absolute URL of the next page; null for the last one. */
  readonly next: string | null;
};

/** What a C response says. @internal */
export function incoming(response: Pointer): Response {
  const status = library.keyfob_response_status(response);
  return made(BODILESS.includes(status) ? null : bytes(response), status, response);
}

/** What a C response says whose body is still to be read. Null: it has none. @internal */
export function streamed(response: Pointer, body: () => Body): Response {
  const status = library.keyfob_response_status(response);
  return made(BODILESS.includes(status) ? null : new ReadableStream(body()), status, response);
}

/** A `Response` of any status. The constructor takes those from 200 to 599, and servers send others, too. */
function made(body: ArrayBuffer | ReadableStream | null, status: number, response: Pointer): Response {
  const known = status >= 200 && status <= 599;
  const made = new Response(body, { status: known ? status : 599, headers: headers(response) });
  return known ? made : Object.defineProperty(made, "status", { value: status });
}

function headers(response: Pointer): Headers {
  const all = new Headers();
  const value: Out<string> = [null];
  for (let index = 0; ; index += 1) {
    const name = library.keyfob_response_header_at(response, index, value);
    if (name === null) return all;
    // Header values are bytes to fetch, each a character; from C they come as UTF-8.
    all.append(name, Buffer.from(value[0] ?? "").toString("latin1"));
  }
}

function bytes(response: Pointer): ArrayBuffer {
  const length: Out<number> = [null];
  const body = library.keyfob_response_body(response, length);
  return body === null ? new ArrayBuffer(0) : copy(body, length[0] ?? 0);
}

/** The URL of the link with this relation, if the response has one. @internal */
export function link(response: Pointer, rel: string): string | null {
  const url: Out<string> = [null];
  const err: Out<Pointer> = [null];
  check(library.keyfob_response_link(response, rel, url, err), err);
  return url[0];
}
