// The token: obtained, kept, renewed, given up.

import assert from "node:assert/strict";
import { createHook } from "node:async_hooks";
import { after, beforeEach, test } from "node:test";
import { inspect } from "node:util";
import { serialize } from "node:v8";
import { Client } from "@keyfob/client";
import { FOUR, startSimulator } from "./simulator.mjs";

const clouds = await startSimulator();
after(() => clouds.stop());
beforeEach(() => clouds.reset());

/** Seconds to the renewal of a token that lives this long, and to its end. */
const DUE = 3600 - 60;

for (const cloud of FOUR) {
  test(`a token of ${cloud} is obtained once, kept, and renewed`, async (t) => {
    const client = clouds.client(t, cloud);
    const token = await client.token();
    assert.equal(await client.token(), token);
    await client.renew();
    assert.notEqual(await client.token(), token);
    const login = cloud === "iotconnect" ? ["basic-token", "login"] : ["login"];
    assert.deepEqual(await clouds.tokenCalls(cloud), [...login, "refresh"]);
  });

  test(`the headers for ${cloud} carry the token`, async (t) => {
    const client = clouds.client(t, cloud);
    const token = await client.token();
    const expected = { Authorization: `Bearer ${token}` };
    for (const time of ["asked", "kept", "given again"]) {
      assert.deepEqual(await client.headers(), expected, time);
    }
  });
}

test("a fresh token is answered without a worker thread", async (t) => {
  const client = clouds.client(t, "simacan");
  const threads = [];
  const hook = createHook({ init: (id, type) => type.startsWith("keyfob") && threads.push(type) });
  hook.enable();
  t.after(() => hook.disable());
  const first = await client.token();
  assert.deepEqual(threads, ["keyfob_client_token"]);
  const again = await client.token();
  assert.deepEqual(threads, ["keyfob_client_token"]);
  assert.equal(again, first);
});

test("a token that is not at hand is not waited for", async (t) => {
  const client = clouds.client(t, "simacan");
  assert.throws(() => client.tryToken(), { name: "WouldBlockError", code: "WOULD_BLOCK" });
  assert.deepEqual(await clouds.ask("journal"), []);
  const token = await client.token();
  assert.equal(client.tryToken(), token);
});

test("a hundred callers share one login", async (t) => {
  const client = clouds.client(t, "kii");
  const tokens = await Promise.all(Array.from({ length: 100 }, () => client.token()));
  assert.equal(new Set(tokens).size, 1);
  assert.deepEqual(await clouds.tokenCalls("kii"), ["login"]);
});

test("a due token is renewed, and the one that was kept is dropped", async (t) => {
  const client = clouds.client(t, "simacan");
  const old = await client.token();
  await clouds.tell("wind", { seconds: DUE });
  client.wind(DUE * 1000);
  assert.equal(client.renewDueIn, 0);
  assert.ok(client.expiresIn > 0);
  assert.notEqual(await client.token(), old);
  assert.deepEqual(await client.headers(), { Authorization: `Bearer ${await client.token()}` });
  assert.deepEqual(await clouds.tokenCalls("simacan"), ["login", "refresh"]);
});

test("a due token is served while the cloud cannot renew it", async (t) => {
  const client = clouds.client(t, "simacan", { retries: 0 });
  const token = await client.token();
  await clouds.inject("simacan", "refresh", "status:503");
  client.wind(DUE * 1000);
  assert.equal(await client.token(), token);
});

test("headers that a caller changed are not given to the next", async (t) => {
  const client = clouds.client(t, "simacan");
  await client.token();
  const headers = await client.headers();
  headers.Authorization = "changed";
  assert.notEqual((await client.headers()).Authorization, "changed");
});

test("a static key is a token too, and lives for ever", async (t) => {
  const client = clouds.client(t, "kontakt", {
    ...Object.fromEntries(["username", "password"].map((name) => [name, undefined])),
    ...clouds.info.clouds.kontakt.logins["api-key"],
  });
  const key = clouds.info.clouds.kontakt.logins["api-key"].api_key;
  assert.equal(await client.token(), key);
  assert.deepEqual(await client.headers(), { "Api-Key": key });
  assert.equal(client.expiresIn, Infinity);
  assert.equal(client.renewDueIn, Infinity);
});

test("a refused token is replaced once, however many say so", async (t) => {
  const client = clouds.client(t, "simacan");
  const token = await client.token();
  assert.ok(client.isRefusal(401));
  assert.ok(!client.isRefusal(404));
  await Promise.all([client.refused(token), client.refused(token), client.refused(token)]);
  assert.notEqual(await client.token(), token);
  assert.deepEqual(await clouds.tokenCalls("simacan"), ["login", "refresh"]);
});

test("there are no headers for a URL that must not see the token", async (t) => {
  const client = clouds.client(t, "kontakt");
  const headers = await client.headersFor(clouds.devices("kontakt"));
  assert.equal(headers.Authorization, `Bearer ${await client.token()}`);
  assert.equal(headers["Content-Type"], "application/json");
  await assert.rejects(client.headersFor("https://example.com/"), { code: "FOREIGN_ORIGIN" });
});

test("new credentials end a hold and keep no other account's token", async (t) => {
  const client = clouds.client(t, "kii", { password: "wrong" });
  await assert.rejects(client.token(), { code: "CREDENTIALS_REJECTED" });
  await assert.rejects(client.token(), { code: "LOGIN_ON_HOLD" });
  await client.set({ password: clouds.info.clouds.kii.logins.user.password });
  const before = await client.token();
  await client.set({ username: "gateway" });
  assert.notEqual(await client.token(), before);
});

test("tokens that are forgotten are gone", async (t) => {
  const client = clouds.client(t, "simacan");
  const token = await client.token();
  await client.forget();
  assert.equal(client.expiresIn, 0);
  assert.equal(client.status().state, "none");
  assert.notEqual(await client.token(), token);
  assert.deepEqual(await clouds.tokenCalls("simacan"), ["login", "login"]);
});

test("the status says what happened, and no secret", async (t) => {
  const client = clouds.client(t, "kii");
  const token = await client.token();
  const status = client.status();
  assert.equal(status.provider, "kii");
  assert.equal(status.login, "user");
  assert.equal(status.state, "fresh");
  assert.equal(status.counters.logins, 1);
  assert.equal(status.last_error, null);
  const text = JSON.stringify(status);
  for (const secret of [token, clouds.info.clouds.kii.logins.user.password]) {
    assert.ok(!text.includes(secret));
  }
});

test("a client that is printed shows its status, and no secret", async (t) => {
  const client = clouds.client(t, "kii");
  const token = await client.token();
  const shown = inspect({ client });
  assert.match(shown, /Client \{[^]*state: 'fresh'/);
  for (const secret of [token, clouds.info.clouds.kii.logins.user.password]) {
    assert.ok(!shown.includes(secret));
  }
  await client.close();
  assert.equal(inspect(client), "Client { closed }");
});

test("a client cannot be copied to another thread, and says so", async (t) => {
  const client = clouds.client(t, "kii");
  const token = await client.token();
  const { port1, port2 } = new MessageChannel();
  t.after(() => port1.close());
  const copies = [structuredClone, serialize, (what) => port2.postMessage({ what })];
  for (const copy of copies) assert.throws(() => copy(client), /could not be cloned/);
  const texts = [JSON.stringify({ client }), inspect(client), inspect({ ...client }), `${client}`];
  assert.ok(texts.every((text) => !text.includes(token)));
});

test("a login cannot be copied to another thread, and says so", async (t) => {
  const { issuer } = clouds.info.clouds.oauth2;
  const client = new Client("oauth2", { client_id: "kiosk-3", issuer, ca_file: clouds.info.ca_file });
  t.after(() => client.close());
  const login = await client.loginBegin();
  for (const copy of [structuredClone, serialize]) assert.throws(() => copy(login), /could not be cloned/);
  assert.equal(JSON.stringify({ login }), '{"login":{}}');
});

test("the way to the cloud is tried, and nothing is sent", async (t) => {
  const client = clouds.client(t, "simacan");
  await client.reach();
  await assert.rejects(client.reach("https://localhost:1/"), { name: "NetworkError" });
  assert.deepEqual(await clouds.tokenCalls("simacan"), []);
});

test("fetch can be taken from its client and handed on", async (t) => {
  const { fetch } = clouds.client(t, "simacan");
  assert.equal((await fetch(clouds.devices("simacan"))).status, 200);
});
