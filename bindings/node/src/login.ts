// A login that a person allows.

import { ArgumentError } from "./errors";
import { type Pointer, library } from "./library";

const forgotten = new FinalizationRegistry((login: Pointer) => library.keyfob_login_free(login));

/**
 * A login that a person allows: at another device, by a code (RFC 8628), or in a browser (RFC 8252).
 * `Client.loginBegin` and `Client.loginBeginBrowser` make one.
 */
export class Login {
  readonly #handle: Pointer;

  /**
   * What JSON has of a login: nothing. A function of its own makes structuredClone and postMessage refuse a
   * login, whose copy would be an empty object.
   */
  readonly toJSON = (): object => ({});

  /** @internal */
  constructor(handle: Pointer) {
    this.#handle = handle;
    forgotten.register(this, handle);
  }

  /** @internal */
  static handle(login: Login): Pointer {
    if (typeof login === "object" && login !== null && #handle in login) return login.#handle;
    throw new ArgumentError("INVALID_ARGUMENT", "login must be what loginBegin gave");
  }

  /**
   * What the person opens: the URL with the code in it where the server gives one, else that at which
   * the code is typed; or where a browser is sent.
   */
  get url(): string {
    return library.keyfob_login_url(this.#handle) ?? "";
  }

  /** Where the code is typed; null for a login in a browser. */
  get verificationUri(): string | null {
    return library.keyfob_login_verification_uri(this.#handle);
  }

  /** The same with the code in it; null where the server gives no such URL. */
  get verificationUriComplete(): string | null {
    return library.keyfob_login_verification_uri_complete(this.#handle);
  }

  /** What the person types; null for a login in a browser. */
  get userCode(): string | null {
    return library.keyfob_login_user_code(this.#handle);
  }

  /** How many milliseconds the code is good; null for a login in a browser. */
  get expiresIn(): number | null {
    return milliseconds(library.keyfob_login_expires_in_ms(this.#handle));
  }

  /** How many milliseconds the server wants between two questions; null in a browser. */
  get interval(): number | null {
    return milliseconds(library.keyfob_login_interval_ms(this.#handle));
  }
}

function milliseconds(ms: number | bigint): number | null {
  return ms < 0 ? null : Number(ms);
}
