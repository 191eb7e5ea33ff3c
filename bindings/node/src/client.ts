/// <reference lib="esnext.disposable" preserve="true" />
// The client: one account's token, and requests that carry it.

import { url as addressed, aborting, json, members, number, octets, text } from "./arguments";
import { Body, type OnProgress, Watch } from "./body";
import { type Begin, type CallOptions, Calls } from "./calls";
import type { CarryOptions } from "./carrier";
import { ClosedError, KeyfobError, check } from "./errors";
import type { ClientEvents } from "./event-map";
import { Emitter, newsNumber } from "./events";
import { type FetchOptions, type Page, incoming, link, open, outgoing, streamed } from "./http";
import { type Interceptor, interceptor } from "./interceptor";
import { type Out, type Pointer, library } from "./library";
import { Login } from "./login";
import type { CustomOptions, Options, Provider } from "./options";
import { onAbort } from "./signals";
import type { Until } from "./spool";
import type { Status } from "./status";
import { type Fetch, wrapFetch } from "./wrap-fetch";

/** Where options come from besides the program, whose own come last and win. */
export interface OptionSources {
  /** A JSON file with an object of options. It comes first. */
  file?: string | undefined;
  /** The prefix of environment variables: with `KEYFOB`, `KEYFOB_USERNAME` sets `username`. */
  env?: string | undefined;
  /** Keeps log lines up to this level, for the event `log` of `client.events`. */
  log?: "error" | "warn" | "info" | "debug" | undefined;
}

/** What `download` takes, besides what `fetch` takes of a GET. */
export interface DownloadOptions extends CallOptions {
  headers?: FetchOptions["headers"];
  /** The SHA-256 that the file must have, as 64 hexadecimal digits. */
  sha256?: string | undefined;
  /** Is told how far the file has come, at most ten times a second and at the end. */
  onProgress?: OnProgress | undefined;
}

/** What was made of the fresh token with this number. It is good while that is the number. */
interface Kept<T> {
  readonly number: number | bigint;
  readonly value: T;
}

/** A request that a cloud has signed, for `headersFor`. */
export interface SignedOptions {
  /** Its method; `GET` when not given. */
  method?: string | undefined;
  /** Its body, as it is sent. */
  body?: string | Uint8Array | undefined;
}

/**
 * What to connect to an MQTT broker with (MQTT 3.1.1, 3.1.3). What is null, the cloud does not want
 * or the user chooses.
 */
export interface Mqtt {
  /** Where the broker is: `mqtts://host:8883`, or `wss://host/path` for MQTT over WebSocket. */
  url: string | null;
  /** Null: any that no other client of the broker has. */
  clientId: string | null;
  username: string | null;
  password: string | null;
}

/** How many log lines wait for who listens for them. */
const LOG_LINES = 1000;

/** How often who waits for tokens looks for news, in milliseconds. */
const LOOK_MS = 200;

const freshNumber = library.keyfob_client_fresh_number;

/**
 * Obtains, keeps and renews one account's token, and sends requests that carry it. Any number of
 * calls may be under way at once.
 *
 * Calls fail with a `KeyfobError`, or with the reason of the signal that ended them.
 */
export class Client {
  #handle: Pointer | null;
  readonly #calls: Calls;
  #closed: Promise<void> | undefined;
  #events: Emitter | undefined;
  #token: Kept<Promise<string>> | undefined;
  #headers: Kept<Record<string, string>> | undefined;

  /**
   * Makes a client. Nothing is sent: the first call that needs a token does that.
   *
   * `OptionError` where the options fit no login, or more than one; `StoreError` where the store
   * cannot be used.
   */
  constructor(provider: "custom", options?: CustomOptions, from?: OptionSources);
  constructor(provider: Provider, options?: Options, from?: OptionSources);
  constructor(provider: Provider, options: CustomOptions = {}, from: OptionSources = {}) {
    const { client, timeout } = configured(provider, options, members(from, "from"));
    this.#handle = client;
    this.#calls = new Calls(client, timeout);
    this.#calls.onReturn = () => this.#events?.look();
    // A function of its own makes structuredClone and postMessage refuse a client, whose copy would
    // be an empty object. Bound, so that it can be handed on: `const { fetch } = client`.
    this.fetch = this.fetch.bind(this);
  }

  /**
   * What happens to the client, as events: `token`, `hold`, `error`, `log`. Renews what is due while
   * somebody listens for tokens. Keeps no process alive.
   */
  get events(): ClientEvents {
    return (this.#events ??= new Emitter({
      handle: () => this.#handle,
      token: () => this.token(),
      tryToken: () => this.tryToken(),
      status: () => this.status(),
    }));
  }

  /**
   * Gives the token, and then each that takes its place, for what lives longer than a request: an
   * MQTT session, a WebSocket. Renews what is due. Ends when the client is closed; fails with what
   * needs somebody to put it right, and goes on after what passes.
   */
  async *tokens({ signal }: Pick<CallOptions, "signal"> = {}): AsyncGenerator<string, void, void> {
    let last: string | undefined;
    let known = 0;
    while (this.#handle !== null) {
      signal?.throwIfAborted();
      try {
        const token = await this.token({ signal });
        if (token !== last) {
          last = token;
          yield token;
          continue;
        }
      } catch (fault) {
        if (this.#handle === null) return;
        const passes = fault instanceof KeyfobError && fault.retriable && last !== undefined;
        if (!passes) throw fault;
      }
      known = await this.#news(known, signal ?? undefined);
    }
  }

  /** Waits for news other than that of this number, or until the token is due. */
  async #news(known: number, signal: AbortSignal | undefined): Promise<number> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.#handle === null) return known;
      const number = newsNumber(this.#handle);
      if (number !== known) return number;
      const { state, pause_ms: pause, hold_ms: held } = this.status();
      const isDue = state === "due" || state === "expired";
      if (isDue && pause === null && held === null) return number;
      await new Promise<void>((over) => {
        const end = () => {
          clearTimeout(timer);
          unheard?.();
          over();
        };
        const timer = setTimeout(end, LOOK_MS);
        const unheard = signal && onAbort(signal, end);
      });
    }
  }

  /** Gives a good access token, obtained or renewed first where that is needed. */
  token(options?: CallOptions): Promise<string> {
    if (!options?.signal?.aborted) {
      const fresh = freshNumber(this.#handle);
      if (fresh === this.#token?.number) return this.#token.value;
      const token = fresh === 0 ? undefined : this.#tokenAtHand();
      if (token !== undefined) return this.#keepToken(fresh, token);
    }
    return this.#waitForToken(options);
  }

  #tokenAtHand(): string | undefined {
    const token: Out<string> = [null];
    library.keyfob_client_try_token(this.#handle, token, null);
    return token[0] ?? undefined;
  }

  #keepToken(number: number | bigint, token: string): Promise<string> {
    const value = Promise.resolve(token);
    // Another thread of the library's may have brought a newer one meanwhile.
    if (number === freshNumber(this.#handle)) this.#token = { number, value };
    return value;
  }

  async #waitForToken(options: CallOptions = {}): Promise<string> {
    this.#token = undefined;
    const token: Out<string> = [null];
    const begin: Begin = (client, err, done) => {
      library.keyfob_client_token.async(client, token, err, done);
    };
    return this.#run(options, begin, () => token[0] as string);
  }

  /** Gives a good token if one is at hand: never waits, never renews. `WouldBlockError` if not. */
  tryToken(): string {
    const token: Out<string> = [null];
    const err: Out<Pointer> = [null];
    check(library.keyfob_client_try_token(this.#open(), token, err), err);
    return token[0] as string;
  }

  /** Gives the headers that carry the token, such as `{ Authorization: "Bearer ..." }`. */
  async headers(options: CallOptions = {}): Promise<Record<string, string>> {
    const number = freshNumber(this.#handle);
    if (number !== 0 && number === this.#headers?.number && !options.signal?.aborted) {
      return { ...this.#headers.value };
    }
    this.#headers = undefined;
    const lines: Out<string> = [null];
    const begin: Begin = (client, err, done) => {
      library.keyfob_client_headers.async(client, lines, err, done);
    };
    const value = await this.#run(options, begin, () => named(lines[0] as string));
    // The same token before and after: these are its headers.
    if (number !== 0 && number === freshNumber(this.#handle)) this.#headers = { number, value };
    return { ...value };
  }

  /**
   * Gives the headers that `fetch` adds to a request for this URL unless the request sets them:
   * those that carry the token, and what the provider asks of every request. For those who send
   * requests themselves. Some clouds have each request signed: for them, `method` and `body` are
   * what is sent, and the headers are good for this one request. `OriginError` where the token must
   * not go.
   */
  async headersFor(
    url: string | URL,
    options: CallOptions & SignedOptions = {},
  ): Promise<Record<string, string>> {
    const { method = "GET", body = "" } = members(options, "options");
    const bytes = octets(body, "body");
    const address = addressed(url);
    const lines: Out<string> = [null];
    const begin: Begin = (client, err, done) => {
      const { async } = library.keyfob_client_headers_for_request;
      async(client, text(method, "method"), address, bytes, bytes.length, lines, err, done);
    };
    return this.#run(options, begin, () => named(lines[0] as string));
  }

  /**
   * Gives a member of the answer that gave the token, by its JSON pointer (RFC 6901): `/id_token`,
   * `/scope`. A text as it is, anything else as JSON. Null: there is no such member, or the provider
   * keeps none; `oauth2` does. It may be secret. `ArgumentError` where it is no JSON pointer.
   */
  async answerMember(pointer: string, options: CallOptions = {}): Promise<string | null> {
    const member: Out<string> = [null];
    const name = text(pointer, "pointer");
    const begin: Begin = (client, err, done) => {
      library.keyfob_client_answer_member.async(client, name, member, err, done);
    };
    return this.#run(options, begin, () => member[0]);
  }

  /**
   * Gives what an MQTT library connects to the cloud's broker with. Computed for this moment: ask
   * anew for each connection, and `renew` once when the broker refuses it. `ArgumentError` where the
   * provider says nothing of MQTT for this login.
   */
  async mqtt(options: CallOptions = {}): Promise<Mqtt> {
    const told: Out<Pointer> = [null];
    const begin: Begin = (client, err, done) => {
      library.keyfob_client_mqtt.async(client, told, err, done);
    };
    return this.#run(
      options,
      begin,
      () => {
        const mqtt = told[0] as Pointer;
        return {
          url: library.keyfob_mqtt_url(mqtt),
          clientId: library.keyfob_mqtt_client_id(mqtt),
          username: library.keyfob_mqtt_username(mqtt),
          password: library.keyfob_mqtt_password(mqtt),
        };
      },
      () => library.keyfob_mqtt_free(told[0]),
    );
  }

  /**
   * Begins a login at another device (RFC 8628), for a person who needs no browser on this machine:
   * show `verificationUri` and `userCode`, then call `loginWait`. The options are `client_id` with
   * `issuer`; where `client_secret` is set, too, `grant` is `interactive`. `OptionError` where the
   * options are those of another login, or the server has no such login.
   */
  async loginBegin(options: CallOptions = {}): Promise<Login> {
    const login: Out<Pointer> = [null];
    const begin: Begin = (client, err, done) => {
      library.keyfob_client_login_begin.async(client, login, err, done);
    };
    return this.#run(options, begin, () => new Login(login[0] as Pointer));
  }

  /**
   * Waits until the person has answered, at most `timeout` or as long as the code is good, and keeps
   * the token as that of any login. The server is asked no faster than it says. One thread of the
   * pool waits meanwhile. `TimeoutError`, or a signal: the login is as it was, wait again.
   * `CredentialsError` with the code `LOGIN_DENIED` or `LOGIN_EXPIRED`: begin another.
   */
  async loginWait(login: Login, options: CallOptions = {}): Promise<void> {
    const begin: Begin = (client, err, done) => {
      const limit = options.timeout ?? 0;
      library.keyfob_client_login_wait.async(client, Login.handle(login), limit, err, done);
    };
    return this.#run({ signal: options.signal }, begin);
  }

  /**
   * Begins a login in a browser (RFC 8252, with PKCE): open its `url` there, and give what it comes
   * back to `redirectUri` with to `loginFinish`. Nothing is opened and nothing listens here.
   */
  async loginBeginBrowser(redirectUri: string, options: CallOptions = {}): Promise<Login> {
    const login: Out<Pointer> = [null];
    const back = text(redirectUri, "redirectUri");
    const begin: Begin = (client, err, done) => {
      library.keyfob_client_login_begin_browser.async(client, back, login, err, done);
    };
    return this.#run(options, begin, () => new Login(login[0] as Pointer));
  }

  /**
   * Takes what the browser came back with: the whole URL, its path and query, or the query alone.
   * Checks `state` and `iss` (RFC 9207), and keeps the token as that of any login. `ArgumentError` for
   * an answer that is none, or not to this login, which goes on waiting for its own; `OriginError` for
   * another issuer's; `CredentialsError` for a no.
   */
  async loginFinish(login: Login, answer: string | URL, options: CallOptions = {}): Promise<void> {
    const told = addressed(answer);
    const begin: Begin = (client, err, done) => {
      const { async } = library.keyfob_client_login_finish;
      async(client, Login.handle(login), told, err, done);
    };
    return this.#run(options, begin);
  }

  /**
   * Whether an answer with this HTTP status and body refuses the access token, by the provider's
   * rule. For those who send requests themselves: if so, tell `refused`.
   */
  isRefusal(status: number, body: Uint8Array = new Uint8Array()): boolean {
    const [code, bytes] = [number(status, "status", 0, 999), octets(body, "body")];
    return library.keyfob_client_is_refusal(this.#open(), code, bytes, bytes.length);
  }

  /**
   * Notes what an answer says of DPoP proofs (RFC 9449), for those who send requests themselves with
   * the option `dpop`: its headers `DPoP-Nonce` and `WWW-Authenticate`. True where it refuses the
   * request for want of the nonce that it gives: it is then to be sent once more, with new headers,
   * and `refused` is not to be told.
   */
  noteNonce(
    url: string | URL,
    status: number,
    dpopNonce: string | null,
    wwwAuthenticate: string | null = null,
  ): boolean {
    const client = this.#open();
    const line = (header: string | null) => (header === null ? null : text(header, "a header"));
    const [nonce, challenge] = [line(dpopNonce), line(wwwAuthenticate)];
    const code = number(status, "status", 0, 999);
    return library.keyfob_client_note_nonce(client, addressed(url), code, nonce, challenge);
  }

  /**
   * Sends a request with the token. If the API refuses the token, renews it and sends once more.
   * Every answer is a response, whatever its status.
   *
   * `url` is absolute, or relative to the provider's base URL (`devices?page=2`), or begins with a
   * discovered endpoint: `{deviceBaseUrl}/Device`. `OriginError` before anything is sent, where it
   * must not see the token.
   */
  async fetch(input: string | URL | Request, options: FetchOptions = {}): Promise<Response> {
    const given = members(options, "options");
    return given.stream ? this.#stream(input, given) : this.#send(input, given, incoming);
  }

  /**
   * Gives a `fetch` whose requests carry the token, for a library that takes one. If the API refuses
   * the token, it is renewed and the request sent again, once: where its body is no stream. Otherwise
   * it is what it wraps, errors and redirects included; a redirect to another host takes no token along.
   */
  wrapFetch(fetch: Fetch = globalThis.fetch, options: CarryOptions = {}): Fetch {
    return wrapFetch(this, fetch, options);
  }

  /**
   * Gives an interceptor for `dispatcher.compose` of undici, 6 or later, that does the same. What
   * follows redirects stands before it, and asks it for each hop.
   */
  interceptor(options: CarryOptions = {}): Interceptor {
    return interceptor(this, options);
  }

  /**
   * Gets a URL into a file. What came before a fault is kept in `path.part`, and is gone on with: by
   * this call until nothing has come for the option `download_retry_s`, then by a later one. The file
   * is checked by its length, by `sha256`, and by the digest that the server names, and then put in
   * the place of `path` at once.
   *
   * The response has no body. Where its status is no success, nothing was written.
   */
  async download(
    url: string | URL,
    path: string,
    options: DownloadOptions = {},
  ): Promise<Response> {
    const { sha256, signal, headers } = members(options, "options");
    aborting(signal)?.throwIfAborted();
    const file = text(path, "path");
    const digest = sha256 === undefined ? null : text(sha256, "sha256");
    const message = await outgoing(url, { headers }, this.#until(options.timeout, undefined));
    this.#open();
    const request = open(message);
    const answer: Out<Pointer> = [null];
    const watch = new Watch(request, options.onProgress);
    const begin: Begin = (client, err, done) => {
      const { async } = library.keyfob_client_download;
      watch.begins(client);
      async(client, request, file, digest, answer, err, done);
    };
    const call = this.#run(
      options,
      begin,
      () => incoming(answer[0] as Pointer),
      () => {
        watch.ends();
        library.keyfob_request_free(request);
        library.keyfob_response_free(answer[0]);
      },
    );
    return watch.outcome(call);
  }

  #until(timeout: number | undefined, signal: AbortSignal | undefined): Until {
    return { signal, limit: this.#calls.limitOf(timeout) };
  }

  async #stream(input: string | URL | Request, options: FetchOptions): Promise<Response> {
    const signal = aborting(options.signal ?? (input instanceof Request ? input.signal : undefined));
    signal?.throwIfAborted();
    const message = await outgoing(input, options, this.#until(options.timeout, signal));
    try {
      this.#open();
      const request = open(message);
      const answer: Out<Pointer> = [null];
      let kept = false;
      const begin: Begin = (client, err, done) => {
        library.keyfob_client_open.async(client, request, answer, err, done);
      };
      return await this.#calls.run(
        { ...options, signal },
        begin,
        (keep) => {
          const response = answer[0] as Pointer;
          return streamed(response, () => {
            kept = true;
            const held = { call: keep(), response, request };
            return this.#calls.adopt(new Body(held, options.onProgress));
          });
        },
        () => {
          if (kept) return;
          library.keyfob_request_free(request);
          library.keyfob_response_free(answer[0]);
        },
      );
    } finally {
      await message.remove?.();
    }
  }

  /**
   * Sends a GET and goes on to the next page as long as an answer has a link to it: in a `Link`
   * header (RFC 8288), a `links` array or a `_links` object.
   */
  async *pages(
    url: string | URL,
    options: Omit<FetchOptions, "method" | "body" | "idempotent"> = {},
  ): AsyncGenerator<Page, void, void> {
    const read = (answer: Pointer) => {
      return Object.assign(incoming(answer), { next: link(answer, "next") });
    };
    for (let at: string | URL | null = url; at !== null; ) {
      const page: Page = await this.#send(at, options, read);
      at = page.next;
      yield page;
    }
  }

  async #send<T>(
    input: string | URL | Request,
    options: FetchOptions,
    read: (answer: Pointer) => T,
  ): Promise<T> {
    const signal = aborting(options.signal ?? (input instanceof Request ? input.signal : undefined));
    signal?.throwIfAborted();
    const message = await outgoing(input, options, this.#until(options.timeout, signal));
    try {
      this.#open();
      const request = open(message);
      const answer: Out<Pointer> = [null];
      const watch = new Watch(request, options.onProgress);
      const begin: Begin = (client, err, done) => {
        watch.begins(client);
        library.keyfob_client_send.async(client, request, answer, err, done);
      };
      const call = this.#run(
        { ...options, signal },
        begin,
        () => read(answer[0] as Pointer),
        () => {
          watch.ends();
          library.keyfob_request_free(request);
          library.keyfob_response_free(answer[0]);
        },
      );
      return await watch.outcome(call);
    } finally {
      await message.remove?.();
    }
  }

  /** Renews the token now, fresh or not. Callers at the same time share one renewal. */
  async renew(options: CallOptions = {}): Promise<void> {
    await this.#run(options, library.keyfob_client_renew.async);
  }

  /**
   * Says that an API refused this access token, for those who send requests themselves. Renews,
   * unless a newer token is there already; then ask for the token again and repeat the request once.
   */
  async refused(token: string, options: CallOptions = {}): Promise<void> {
    const refused = text(token, "token");
    await this.#run(options, (client, err, done) => {
      library.keyfob_client_refused.async(client, refused, err, done);
    });
  }

  /**
   * Changes options while the client is in use, all or none. New credentials end a hold; another
   * principal's token is dropped.
   */
  async set(changes: CustomOptions, options: CallOptions = {}): Promise<void> {
    const changed = json(changes, "options");
    await this.#run(options, (client, err, done) => {
      library.keyfob_client_set_json.async(client, changed, err, done);
    });
    const { timeout_ms: timeout } = changes;
    if (timeout !== undefined) this.#calls.limit = Number(timeout);
  }

  /**
   * Tries the way to the cloud, for a check of a set-up: finds the host, asks the proxy, connects, and
   * does TLS. No credential is sent. `url` is absolute, or relative to the base URL. `NetworkError` and
   * `TlsError` say where the way ends, and name the proxy if it is that.
   */
  async reach(url: string | URL = "", options: CallOptions = {}): Promise<void> {
    const address = addressed(url);
    await this.#run(options, (client, err, done) => {
      library.keyfob_client_reach.async(client, address, err, done);
    });
  }

  /**
   * Forgets the tokens and any hold: in memory, in the store, and at the cloud where it can revoke.
   * The next call logs in. A revocation that fails is no failure of this call, since here the tokens
   * are gone: `status().not_revoked` tells why they may still be good at the cloud.
   */
  async forget(options: CallOptions = {}): Promise<void> {
    await this.#run(options, library.keyfob_client_forget.async);
  }

  /** How many milliseconds the token at hand lives: 0 where there is none, Infinity for ever. */
  get expiresIn(): number {
    const ms: Out<number | bigint> = [null];
    const err: Out<Pointer> = [null];
    check(library.keyfob_client_expires_in_ms(this.#open(), ms, err), err);
    return milliseconds(ms);
  }

  /** How many milliseconds until the token is due to be renewed: 0 for now, Infinity for never. */
  get renewDueIn(): number {
    const ms: Out<number | bigint> = [null];
    const err: Out<Pointer> = [null];
    check(library.keyfob_client_renew_due_in_ms(this.#open(), ms, err), err);
    return milliseconds(ms);
  }

  /** State, counters and the last error. No secret is in it. */
  status(): Status {
    const json: Out<string> = [null];
    const err: Out<Pointer> = [null];
    check(library.keyfob_client_status_json(this.#open(), json, err), err);
    return JSON.parse(json[0] as string) as Status;
  }

  /** Ends the calls that are under way: they fail with a `CancelledError`. */
  cancel(): void {
    this.#calls.end();
  }

  /** Waits for the calls under way and frees the client. Later calls fail with a `ClosedError`. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#handle = null;
    this.#token = this.#headers = undefined;
    await this.#calls.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Lets time pass on this client's clock, so that a test can see what happens when tokens age. The
   * cloud's clock is not touched.
   */
  wind(ms: number): void {
    const err: Out<Pointer> = [null];
    const by = number(ms, "ms", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    check(library.keyfob_client_wind_ms(this.#open(), Math.round(by), err), err);
  }

  /** What `console.log` shows: the status. @internal */
  [Symbol.for("nodejs.util.inspect.custom")](
    depth: number,
    options: object,
    inspect: (value: unknown, options: object) => string,
  ): string {
    if (this.#handle === null) return "Client { closed }";
    return depth < 0 ? "[Client]" : `Client ${inspect(this.status(), options)}`;
  }

  #open(): Pointer {
    if (this.#handle !== null) return this.#handle;
    throw new ClosedError("CLOSED", "the client was closed");
  }

  async #run(options: CallOptions, begin: Begin): Promise<void>;
  async #run<T>(
    options: CallOptions,
    begin: Begin,
    take: () => T,
    release?: () => void,
  ): Promise<T>;
  async #run<T>(options: CallOptions, begin: Begin, take?: () => T, release?: () => void) {
    this.#open();
    return this.#calls.run(options, begin, take ?? (() => undefined), release);
  }
}

/** Makes a C client, and says what its calls take that have no limit of their own. */
function configured(provider: string, options: CustomOptions, from: OptionSources) {
  const err: Out<Pointer> = [null];
  const made: Out<Pointer> = [null];
  check(library.keyfob_config_new(text(provider, "provider"), made, err), err);
  const config = made[0] as Pointer;
  try {
    if (from.file) check(library.keyfob_config_load_file(config, text(from.file, "file"), err), err);
    if (from.env) check(library.keyfob_config_load_env(config, text(from.env, "env"), err), err);
    check(library.keyfob_config_load_json(config, json(options, "options"), err), err);
    const timeout: Out<string> = [null];
    check(library.keyfob_config_get(config, "timeout_ms", timeout, err), err);
    if (from.log) {
      const level = 1 + ["error", "warn", "info", "debug"].indexOf(from.log);
      check(library.keyfob_config_keep_log(config, level, LOG_LINES, err), err);
    }
    const client: Out<Pointer> = [null];
    check(library.keyfob_client_new(config, client, err), err);
    return { client: client[0] as Pointer, timeout: Number(timeout[0]) };
  } finally {
    library.keyfob_config_free(config);
  }
}

/** `Name: value`, a header a line. */
function named(lines: string): Record<string, string> {
  const pairs = (lines === "" ? [] : lines.split("\n")).map((line) => {
    const colon = line.indexOf(": ");
    return [line.slice(0, colon), line.slice(colon + 2)];
  });
  return Object.fromEntries(pairs);
}

/** INT64_MAX, which stands for ever, is the only time too large for a number. */
function milliseconds(ms: Out<number | bigint>): number {
  return typeof ms[0] === "bigint" ? Infinity : (ms[0] ?? 0);
}
