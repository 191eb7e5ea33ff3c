// Failures: a class for each family, with what a program needs to act.

import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import * as keyfob from "@keyfob/client";
import { startSimulator } from "./simulator.mjs";

const { Client, KeyfobError } = keyfob;
const clouds = await startSimulator();
after(() => clouds.stop());
beforeEach(() => clouds.reset());

/** What a call that must fail failed with. */
async function failure(call) {
  try {
    await call;
  } catch (fault) {
    assert.ok(fault instanceof KeyfobError, String(fault));
    return fault;
  }
  return assert.fail("the call did not fail");
}

test("rejected credentials say the code and when to try again", async (t) => {
  const client = clouds.client(t, "kii", { password: "wrong-password" });
  const rejected = await failure(client.token());
  assert.equal(rejected.name, "CredentialsError");
  assert.ok(rejected instanceof keyfob.CredentialsError);
  assert.equal(rejected.code, "CREDENTIALS_REJECTED");
  assert.equal(rejected.status, 400);
  assert.equal(rejected.providerCode, "invalid_grant");
  assert.ok(rejected.message.includes(rejected.providerMessage));
  assert.equal(rejected.retriable, false);
  const held = await failure(client.token());
  assert.equal(held.code, "LOGIN_ON_HOLD");
  assert.ok(held.retryAfter > 0 && held.retryAfter <= 60_000, String(held.retryAfter));
  for (const fault of [rejected, held]) assert.ok(!fault.message.includes("wrong-password"));
});

test("a cloud that wants fewer calls says how many ms to wait", async (t) => {
  const client = clouds.client(t, "simacan", { retries: 0 });
  await clouds.inject("simacan", "login", "status:429", {
    headers: { "Retry-After": "120" },
    body: "",
  });
  const fault = await failure(client.token());
  assert.equal(fault.name, "RateLimitError");
  assert.equal(fault.code, "RATE_LIMITED");
  assert.equal(fault.status, 429);
  // What was asked for, and some chance after it.
  assert.ok(fault.retryAfter >= 120_000 && fault.retryAfter <= 151_000, String(fault.retryAfter));
  assert.equal(fault.retriable, true);
  // Or the next client of the account would keep quiet, too.
  await client.forget();
});

const FAULTS = {
  "reset:before-headers": "NetworkError",
  "tls:unknown-ca": "TlsError",
  "status:500": "ServerError",
  "html-200": "AnswerError",
};
for (const [fault, name] of Object.entries(FAULTS)) {
  test(`${fault} is a ${name}`, async (t) => {
    const client = clouds.client(t, "simacan", { retries: 0 });
    // Whatever other clients of the account have met in this process.
    await client.forget();
    await clouds.inject("simacan", "login", fault);
    const { name: is, message } = await failure(client.token());
    assert.equal(is, name);
    assert.doesNotMatch(message, /\n|correct horse/);
  });
}

const MADE = {
  UNKNOWN_OPTION: () => new Client("kii", { usrname: "gateway" }),
  INVALID_OPTION: () => new Client("kii", { retries: 99 }),
  MISSING_OPTION: () => new Client("kii", { app_id: "a" }),
  UNKNOWN_PROVIDER: () => new Client("kiii"),
  INVALID_PROFILE: () => new Client("custom", { profile: "{}" }),
  INVALID_ARGUMENT: () => new Client("kii\0"),
};
for (const [code, make] of Object.entries(MADE)) {
  test(`a client that cannot be made says ${code}`, () => {
    const name = code === "INVALID_ARGUMENT" ? "ArgumentError" : "OptionError";
    assert.throws(make, { name, code });
  });
}

test("a store that cannot be used is a StoreError", (t) => {
  assert.throws(() => clouds.client(t, "kii", { store: "file:/dev/null/tokens" }), {
    name: "StoreError",
    code: "STORE",
  });
});

test("an error tells where the call was made", async (t) => {
  const client = clouds.client(t, "kii", { password: "wrong" });
  async function whoAsked() {
    return await client.token();
  }
  assert.match((await failure(whoAsked())).stack, /whoAsked/);
});

test("every status has a class, and every class is exported", async () => {
  const { FAMILIES, STATUSES } = await import("../dist/abi.js");
  for (const [status, number] of Object.entries(STATUSES)) {
    if (number !== 0) assert.ok(keyfob[FAMILIES[status]]?.prototype instanceof KeyfobError, status);
  }
});

// What TypeScript would not let through. Some of it would be an address to C.
const UNTYPED = {
  "a provider": () => new Client(3),
  "sources": () => new Client("kontakt", { api_key: "k" }, 3),
  "a prefix": () => new Client("kontakt", {}, { env: 3 }),
  "a file of options": () => new Client("kontakt", {}, { file: 3 }),
  "options that go in a circle": () => {
    const circle = {};
    circle.profile = circle;
    return new Client("custom", circle);
  },
  "a large integer": () => new Client("kontakt", { api_key: 10n }),
  "no URL": (client) => client.fetch(),
  "a number for a URL": (client) => client.fetch(3),
  "headers": (client) => client.fetch("/x", { headers: 3 }),
  "a header's name": (client) => client.fetch("/x", { headers: { "a b": "c" } }),
  "a header's value": (client) => client.fetch("/x", { headers: { a: "c\nd" } }),
  "a method": (client) => client.fetch("/x", { method: 3 }),
  "a body's file": (client) => client.fetch("/x", { method: "POST", bodyFile: 3 }),
  "a stream of numbers": (client) => client.fetch("/x", { method: "POST", body: (async function* () { yield 3; })() }),
  "a signal": (client) => client.fetch("/x", { signal: 3 }),
  "a call's options": (client) => client.renew(3),
  "a token": (client) => client.refused(3),
  "no token": (client) => client.refused(),
  "a time": (client) => client.wind("x"),
  "a long time": (client) => client.wind(1e300),
  "a status": (client) => client.isRefusal("x"),
  "a status that is none": (client) => client.isRefusal(65536 + 401),
  "a fetch to wrap": (client) => client.wrapFetch(3),
  "a wrapped fetch's options": (client) => client.wrapFetch(fetch, 3),
  "elsewhere": (client) => client.wrapFetch(fetch, { elsewhere: "maybe" }),
  "an interceptor's options": (client) => client.interceptor(3),
  "an interceptor's limit": (client) => client.interceptor({ timeout: -1 }),
  "an answer": (client) => client.isRefusal(401, 3),
  "a signed request": (client) => client.headersFor(3),
  "a signed body": (client) => client.headersFor("/x", { body: 3 }),
  "a pointer": (client) => client.answerMember(3),
  "a download's file": (client) => client.download("/x", 3),
  "a digest": (client) => client.download("/x", "/nowhere/x", { sha256: 3 }),
  "a login": (client) => client.loginWait(3),
  "a login of somebody else's": (client) => client.loginFinish({}, "x"),
  "where a browser comes back": (client) => client.loginBeginBrowser(3),
  "pages": (client) => client.pages(3).next(),
  "changes": (client) => client.set(3),
};
for (const [what, call] of Object.entries(UNTYPED)) {
  test(`what is not ${what} is an ArgumentError`, async (t) => {
    const client = new Client("kontakt", { api_key: "k" });
    t.after(() => client.close());
    const made = (async () => call(client))();
    await assert.rejects(made, { name: "ArgumentError", code: "INVALID_ARGUMENT", message: /^[^\n]+$/ });
  });
}
