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
