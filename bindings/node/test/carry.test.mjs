// The token for other HTTP libraries: undici's dispatchers, and whoever takes a fetch.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, beforeEach, test } from "node:test";
import { OriginError } from "@keyfob/client";
import axios from "axios";
import * as undici7 from "undici";
import * as undici6 from "undici6";
import { startSimulator } from "./simulator.mjs";

// Node takes another authority at its start only; undici takes it at any time.
const clouds = await startSimulator();
after(() => clouds.stop());
beforeEach(() => clouds.reset());
const ca = readFileSync(clouds.info.ca_file, "utf8");

const VERSIONS = { 6: undici6, 7: undici7 };
const url = (cloud, path) => clouds.info.clouds[cloud].api_url + path;

/** Ways to send a request with the token: `send(client, url, { method, headers, body })`. */
const WAYS = {};
for (const [version, { Agent, request }] of Object.entries(VERSIONS)) {
  WAYS[`undici ${version}`] = async (client, url, options = {}, how) => {
    const dispatcher = new Agent({ connect: { ca } }).compose(client.interceptor(how));
    const { statusCode, headers, body } = await request(url, { ...options, dispatcher });
    return { status: statusCode, headers, text: await body.text() };
  };
}
const agent = new undici7.Agent({ connect: { ca } });
const plain = (input, init) => undici7.fetch(input, { ...init, dispatcher: agent });
const answered = async (answer) => {
  return { status: answer.status, headers: Object.fromEntries(answer.headers), text: await answer.text() };
};
WAYS["a wrapped fetch"] = async (client, url, options, how) => {
  return answered(await client.wrapFetch(plain, how)(url, options));
};
WAYS["a fetch on undici"] = async (client, url, options, how) => {
  const dispatcher = agent.compose(client.interceptor(how));
  return answered(await undici7.fetch(url, { ...options, dispatcher }));
};
WAYS["axios"] = async (client, url, { method, headers, body: data } = {}, how) => {
  const http = axios.create({ adapter: "fetch", env: { fetch: client.wrapFetch(plain, how) } });
  const answer = await http.request({ url, method, headers, data, validateStatus: null, responseType: "text" });
  return { status: answer.status, headers: answer.headers, text: answer.data };
};

for (const [way, send] of Object.entries(WAYS)) {
  test(`${way} carries the token`, async (t) => {
    const client = clouds.client(t, "kontakt");
    const { status, text } = await send(client, clouds.devices("kontakt"));
    assert.equal(status, 200);
    assert.match(text, /Gateway 1/);
  });

  test(`${way} replaces a refused token, and asks again`, async (t) => {
    const client = clouds.client(t, "kontakt");
    const old = await client.token();
    await clouds.tell("revoke", { cloud: "kontakt", what: "access" });
    const { status } = await send(client, clouds.devices("kontakt"));
    assert.equal(status, 200);
    assert.notEqual(await client.token(), old);
    assert.deepEqual(await clouds.calls("kontakt"), { api: 2, login: 1, refresh: 1 });
  });

  test(`${way} proves its key again for a nonce`, async (t) => {
    const proving = { client_id: "prover-5", username: "gateway@example.com", password: "correct horse", dpop: true };
    const client = clouds.client(t, "oauth2", { client_secret: undefined, ...proving });
    await client.token();
    // Longer than a nonce is good.
    await clouds.tell("wind", { seconds: 200 });
    client.wind(200_000);
    const headers = { "Content-Type": "application/json" };
    const body = way === "a fetch on undici" ? undefined : JSON.stringify({ id: "gate-7" });
    const method = body ? "POST" : "GET";
    const { status } = await send(client, url("oauth2", body ? "/things" : "/devices"), { method, headers, body });
    assert.equal(status, body ? 201 : 200);
    const { refresh, api } = await clouds.calls("oauth2");
    assert.deepEqual([refresh, api], [undefined, 2]);
  });

  test(`${way} asks once again, and no more`, async (t) => {
    const client = clouds.client(t, "kontakt");
    await clouds.inject("kontakt", "api", "status:401");
    assert.equal((await send(client, clouds.devices("kontakt"))).status, 401);
    assert.deepEqual(await clouds.calls("kontakt"), { api: 2, login: 1, refresh: 1 });
  });

  test(`${way} leaves other errors as they are`, async (t) => {
    const client = clouds.client(t, "kontakt");
    await clouds.inject("kontakt", "api", "huge-body:70000:chunked");
    const { text } = await send(client, clouds.devices("kontakt"));
    assert.ok(text.length >= 70_000);
    await clouds.tell("clear", { what: "injections" });
    assert.equal((await send(client, url("kontakt", "/status/503"))).status, 503);
    assert.equal((await clouds.calls("kontakt")).refresh, undefined);
  });

  test(`${way} sends a body again that can be`, async (t) => {
    if (way === "a fetch on undici") return; // whose bodies are streams by then
    const client = clouds.client(t, "kontakt");
    await client.token();
    await clouds.tell("revoke", { cloud: "kontakt", what: "access" });
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ id: "gate-7" });
    const { status } = await send(client, url("kontakt", "/things"), { method: "POST", headers, body });
    assert.equal(status, 201);
  });

  test(`${way} gives no other host the token`, async (t) => {
    const client = clouds.client(t, "kontakt");
    const elsewhere = clouds.devices("simacan");
    await assert.rejects(send(client, elsewhere), (fault) => {
      return [fault, fault.cause].some((each) => each instanceof OriginError);
    });
    assert.equal((await clouds.calls("simacan")).api, undefined);
    assert.equal((await send(client, elsewhere, {}, { elsewhere: "pass" })).status, 401);
    const [{ headers }] = await clouds.ask("journal?cloud=simacan");
    assert.doesNotMatch(JSON.stringify(headers), /authorization/i);
  });
}

for (const [version, { Agent, request }] of Object.entries(VERSIONS)) {
  test(`undici ${version} takes a query, and headers of any form`, async (t) => {
    const client = clouds.client(t, "kontakt");
    const dispatcher = new Agent({ connect: { ca } }).compose(client.interceptor());
    const forms = [["X-Own", "1"], { "X-Own": "1" }, new Map([["X-Own", "1"]])];
    for (const headers of forms) {
      const query = { mode: "new", id: ["a", "b"] };
      const { body } = await request(url("kontakt", "/echo"), { dispatcher, headers, query });
      const echo = JSON.stringify(await body.json());
      assert.match(echo, /"x-own","1"|"x-own":"1"/i);
      assert.match(echo, /mode/);
    }
  });

  test(`undici ${version} gets a refusal of what goes once`, async (t) => {
    const client = clouds.client(t, "kontakt");
    const dispatcher = new Agent({ connect: { ca } }).compose(client.interceptor());
    const old = await client.token();
    await clouds.tell("revoke", { cloud: "kontakt", what: "access" });
    const headers = { "Content-Type": "application/json" };
    const told = { method: "POST", headers, dispatcher };
    const send = () => request(url("kontakt", "/things"), { ...told, body: ['{"id": "gate-7"}'].values() });
    assert.equal((await send()).statusCode, 401);
    assert.notEqual(await client.token(), old, "the caller's own second try has another token");
    assert.equal((await send()).statusCode, 201);
  });

  test(`undici ${version} fails with what keyfob says`, async (t) => {
    const client = clouds.client(t, "kontakt", { password: `wrong ${version}` });
    const dispatcher = new Agent({ connect: { ca } }).compose(client.interceptor());
    const call = request(clouds.devices("kontakt"), { dispatcher });
    await assert.rejects(call, { code: "CREDENTIALS_REJECTED" });
  });

  test(`undici ${version} ends a wait for a token with its signal`, async (t) => {
    const client = clouds.client(t, "kontakt");
    await clouds.inject("kontakt", "login", "stall:before-headers");
    const dispatcher = new Agent({ connect: { ca } }).compose(client.interceptor());
    const signal = AbortSignal.timeout(100);
    await assert.rejects(request(clouds.devices("kontakt"), { dispatcher, signal }), {
      name: "TimeoutError",
    });
  });
}

test("undici follows redirects around the token", async (t) => {
  const client = clouds.client(t, "kontakt");
  const redirects = undici7.interceptors.redirect({ maxRedirections: 3 });
  const dispatcher = agent.compose(client.interceptor({ elsewhere: "pass" }), redirects);
  await clouds.inject("kontakt", "api", "redirect:302:other-origin", { times: 1 });
  await (await undici7.request(clouds.devices("kontakt"), { dispatcher })).body.dump();
  const elsewhere = (await clouds.ask("journal?cloud=kontakt")).filter(({ call }) => call === "elsewhere");
  assert.doesNotMatch(JSON.stringify(elsewhere), /authorization|api-key/i);
  assert.equal(elsewhere.length, 1);
});

test("a refusal that only the body tells is understood", async (t) => {
  for (const [way, send] of Object.entries(WAYS)) {
    await clouds.reset();
    const client = clouds.client(t, "kii");
    await client.token();
    await clouds.tell("revoke", { cloud: "kii", what: "access" });
    assert.equal((await send(client, clouds.devices("kii"))).status, 200, way);
  }
});

test("a cloud that signs each request has it signed", async (t) => {
  for (const [way, send] of Object.entries(WAYS)) {
    const login = Object.keys(clouds.info.clouds.tuya.logins)[0];
    const { Client } = await import("@keyfob/client");
    const client = new Client("tuya", clouds.options("tuya", login));
    t.after(() => client.close());
    assert.equal((await send(client, clouds.devices("tuya"))).status, 200, way);
  }
});

test("a wrapped fetch takes a Request, and a body that is a stream", async (t) => {
  const client = clouds.client(t, "kontakt");
  const fetch = client.wrapFetch(plain);
  const headers = { "Content-Type": "application/json" };
  const body = '{"id": "gate-7"}';
  const answers = [];
  for (const status of [201, 200]) {
    await client.token();
    await clouds.tell("revoke", { cloud: "kontakt", what: "access" });
    const request = new undici7.Request(url("kontakt", "/things"), { method: "POST", headers, body });
    const answer = await fetch(request);
    assert.equal(answer.status, status);
    assert.equal(answer.url, url("kontakt", "/things"));
    answers.push(await answer.text());
    client.wind(3_600_000);
    await clouds.tell("wind", { seconds: 3600 });
  }
  const large = new Blob(["x".repeat(3 << 20)]);
  const request = { method: "POST", headers, body: large.stream(), duplex: "half" };
  const echo = await fetch(new undici7.Request(url("kontakt", "/echo"), request));
  assert.equal(echo.status, 200);
});

test("a wrapped fetch takes no token along on a redirect", async (t) => {
  const client = clouds.client(t, "kontakt");
  const fetch = client.wrapFetch(plain);
  await clouds.inject("kontakt", "api", "redirect:302:other-origin", { times: 1 });
  await fetch(clouds.devices("kontakt"));
  const elsewhere = (await clouds.ask("journal?cloud=kontakt")).filter(({ call }) => call === "elsewhere");
  assert.equal(elsewhere.length, 1);
  assert.doesNotMatch(JSON.stringify(elsewhere), /authorization|api-key/i);
});

test("a wrapped fetch follows redirects as fetch does", async (t) => {
  const client = clouds.client(t, "kontakt");
  const fetch = client.wrapFetch(plain);
  await clouds.inject("kontakt", "api", "redirect:307:same", { times: 1 });
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(url("kontakt", "/things"), { method: "POST", headers, body: '{"id": "1"}' });
  assert.deepEqual([answer.status, answer.redirected], [201, true]);
  await clouds.inject("kontakt", "api", "redirect:302:same", { times: 1 });
  assert.equal((await fetch(clouds.devices("kontakt"), { redirect: "manual" })).status, 302);
  await clouds.inject("kontakt", "api", "redirect:302:same");
  await assert.rejects(fetch(clouds.devices("kontakt")), { name: "TypeError", message: /redirects/ });
});
