// Why a call failed: one class for each family of statuses.

import { FAMILIES, STATUSES } from "./abi";
import { type Out, type Pointer, library } from "./library";

/** A status's name in keyfob.h without `KEYFOB_`, `CLOSED` for a client that was closed. */
export type Code = Exclude<keyof typeof STATUSES, "OK"> | "CLOSED";

interface Details {
  status?: number | undefined;
  providerCode?: string | undefined;
  providerMessage?: string | undefined;
  retryAfter?: number | undefined;
  retriable?: boolean;
}

/**
 * A call that failed, and the class of all its kinds. The message is one line that says what
 * happened and what to do about it; no secret is in it.
 */
export class KeyfobError extends Error {
  /** What kind of failure it is. docs/ERRORS.md says what to do about each. */
  readonly code: Code;
  /** The HTTP status of the answer that caused it, if an answer did. */
  readonly status: number | undefined;
  /** The cloud's own code for it, such as `invalid_grant`, if it gave one. */
  readonly providerCode: string | undefined;
  /** The cloud's own sentence about it, such as `Session not active`, if it gave one. */
  readonly providerMessage: string | undefined;
  /** How many milliseconds to wait before another try, where the cloud or a hold says so. */
  readonly retryAfter: number | undefined;
  /** Whether the same call may succeed later with nothing changed but the time. */
  readonly retriable: boolean;

  /** @internal */
  constructor(code: Code, message: string, details: Details = {}) {
    super(message);
    this.code = code;
    this.status = details.status;
    this.providerCode = details.providerCode;
    this.providerMessage = details.providerMessage;
    this.retryAfter = details.retryAfter;
    this.retriable = details.retriable ?? false;
  }

  static {
    this.prototype.name = "KeyfobError";
  }
}

/** An argument has a value the call cannot use. */
export class ArgumentError extends KeyfobError {}
/** An option or a profile is not valid, or the options do not add up to a login. */
export class OptionError extends KeyfobError {}
/** The cloud refused the credentials, a hold keeps them from being tried, or there are none left. */
export class CredentialsError extends KeyfobError {}
/** The cloud could not be reached, or the connection broke. */
export class NetworkError extends KeyfobError {}
/** The time limit passed. */
export class TimeoutError extends KeyfobError {}
/** No trusted TLS connection could be made. */
export class TlsError extends KeyfobError {}
/** The URL must not see the token: another origin, or plain HTTP. */
export class OriginError extends KeyfobError {}
/** The cloud asks for fewer calls; `retryAfter` says how long to wait. */
export class RateLimitError extends KeyfobError {}
/** The cloud failed. */
export class ServerError extends KeyfobError {}
/** An answer is not what it should be. */
export class AnswerError extends KeyfobError {}
/** A body cannot be read, written or sent again: a file, a stream, the target of a download. */
export class BodyError extends KeyfobError {}
/** The token store cannot be read or written. */
export class StoreError extends KeyfobError {}
/** Answering would have meant waiting. */
export class WouldBlockError extends KeyfobError {}
/** The call was ended by `client.cancel()`. */
export class CancelledError extends KeyfobError {}
/** A fault in keyfob itself, contained. Please report it. */
export class InternalError extends KeyfobError {}
/** The client was closed. */
export class ClosedError extends KeyfobError {}

const CLASSES = {
  ArgumentError,
  OptionError,
  CredentialsError,
  NetworkError,
  TimeoutError,
  TlsError,
  OriginError,
  RateLimitError,
  ServerError,
  AnswerError,
  BodyError,
  StoreError,
  WouldBlockError,
  CancelledError,
  InternalError,
} satisfies Record<(typeof FAMILIES)[keyof typeof FAMILIES], typeof KeyfobError>;

for (const [name, each] of Object.entries({ ...CLASSES, ClosedError })) {
  each.prototype.name = name;
}

/** Throws what a call reported, if it failed. @internal */
export function check(status: number, err: Out<Pointer>): void {
  if (status !== STATUSES.OK) throw taken(status, err[0]);
}

/** The error that a status tells of. */
export function failure(told: {
  status: Code;
  message: string;
  http_status: number | null;
  provider_code: string | null;
}): KeyfobError {
  const Class: typeof KeyfobError =
    CLASSES[FAMILIES[told.status as keyof typeof FAMILIES]] ?? KeyfobError;
  return new Class(told.status, told.message, {
    status: told.http_status ?? undefined,
    providerCode: told.provider_code ?? undefined,
  });
}

/** The error of a call that failed. The C one is freed. */
function taken(status: number, error: Pointer | null): KeyfobError {
  // A newer library may have statuses that this package does not know.
  const code = (library.keyfob_status_name(status) ?? "UNKNOWN") as keyof typeof FAMILIES;
  const Class: typeof KeyfobError = CLASSES[FAMILIES[code]] ?? KeyfobError;
  try {
    const retryAfter = Number(library.keyfob_error_retry_after_ms(error));
    return new Class(code, library.keyfob_error_message(error) ?? "", {
      status: library.keyfob_error_http_status(error) || undefined,
      providerCode: library.keyfob_error_provider_code(error) ?? undefined,
      providerMessage: library.keyfob_error_provider_message(error) ?? undefined,
      retryAfter: retryAfter < 0 ? undefined : retryAfter,
      retriable: library.keyfob_error_is_retriable(error),
    });
  } finally {
    library.keyfob_error_free(error);
  }
}
