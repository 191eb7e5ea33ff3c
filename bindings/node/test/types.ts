// The types, as a program in TypeScript meets them. Compiled, never run.

import {
  Client,
  type CallOptions,
  KeyfobError,
  type Options,
  RateLimitError,
  type Status,
} from "@keyfob/client";
import { type Cloud, simulated } from "@keyfob/client/testing";
import axios from "axios";
import * as runner from "node:test";
import { Agent, type Dispatcher } from "undici";

export async function story(password: string): Promise<number | undefined> {
  await using client = new Client("kii", { app_id: "a", app_key: "b", username: "u", password });
  const options: CallOptions = { signal: AbortSignal.timeout(1000), timeout: 500 };
  const token: string = await client.token(options);
  const headers: Record<string, string> = await client.headers();
  const answer: Response = await client.fetch("devices", { method: "POST", body: token, headers });
  for await (const page of client.pages(new URL("https://api.kii.com/"))) {
    const body: unknown = await page.json();
    if (body === null) break;
  }
  const dispatcher: Dispatcher = new Agent().compose(client.interceptor({ elsewhere: "pass" }));
  const fetched: typeof fetch = client.wrapFetch(fetch, { timeout: 500 });
  axios.create({ adapter: "fetch", env: { fetch: fetched } });
  await dispatcher.close();
  const status: Status = client.status();
  try {
    await client.renew({ signal: null });
  } catch (fault) {
    if (fault instanceof RateLimitError) return fault.retryAfter;
    if (fault instanceof KeyfobError && fault.code === "LOGIN_ON_HOLD") return fault.status;
    throw fault;
  }
  return status.counters.logins + answer.status;
}

export const cloud: Cloud = simulated(runner, "kii", { login: "user" });

export const fine: Options = { password_file: "/run/secret", retries: 0, allow_http: false };
new Client("custom", { profile: { name: "mine" }, an_option_of_the_profile: 7 });
new Client("simacan", {}, { env: "SIMACAN", file: "options.json" });

// @ts-expect-error: no cloud has this name
new Client("kiii", {});
// @ts-expect-error: no option has this name
new Client("kii", { usrname: "u" });
// @ts-expect-error: a number
new Client("kii", { retries: "2" });
// @ts-expect-error: errors come from the library, with one of its codes
new KeyfobError("NONSENSE", "").code = "STORE";
