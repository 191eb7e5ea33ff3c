// What a client and the library say of themselves.

import type { Code } from "./errors";
import { check } from "./errors";
import { type Out, type Pointer, library } from "./library";

/** A failure, as the status tells it. */
export interface Failure {
  status: Code;
  message: string;
  http_status: number | null;
  provider_code: string | null;
  provider_message: string | null;
}

/** A client's state, counters and last error; docs/ABI.md says what each member means. */
export interface Status {
  provider: string;
  login: string;
  identity: string;
  state: "none" | "fresh" | "due" | "expired";
  token_login: string | null;
  principal: string | null;
  /** The scope that was granted, or where the server says nothing of it, the one asked for. */
  scope: string | null;
  expires_in_ms: number | null;
  never_expires: boolean;
  renew_due_in_ms: number | null;
  has_refresh_token: boolean;
  dpop_jkt: string | null;
  dpop_bound: boolean;
  hold_ms: number | null;
  pause_ms: number | null;
  endpoints: Record<string, string>;
  store: { kind: string; fault: Failure | null };
  last_error: Failure | null;
  /** Why what was last forgotten may still be good at the cloud. */
  not_revoked: Failure | null;
  counters: {
    logins: number;
    logins_rejected: number;
    refreshes: number;
    refreshes_rejected: number;
    failures: number;
    requests: number;
    replays: number;
  };
}

/** A cloud whose profile is built in. */
export interface ProviderInfo {
  name: string;
  title: string;
  notes: string[];
  logins: { name: string; title: string; needs: string[]; uses: string[] }[];
  options: string[];
}

/** An option that a client can be given. */
export interface OptionInfo {
  name: string;
  group: string;
  type: string;
  default: string | null;
  secret: boolean;
  help: string;
}

/** The built-in clouds, and the options that each of them takes. */
export function providers(): { providers: ProviderInfo[]; options: OptionInfo[] } {
  const json: Out<string> = [null];
  const err: Out<Pointer> = [null];
  check(library.keyfob_providers_json(json, err), err);
  return JSON.parse(json[0] as string);
}

/** The library's version, such as `0.1.0`. */
export const version = library.keyfob_version() as string;
