// Requests that carry the token: what fetch takes, what it gives, when it replays.

import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { FOUR, startSimulator } from "./simulator.mjs";

const clouds = await startSimulator();
after(() => clouds.stop());
beforeEach(() => clouds.reset());

const api = (path) => clouds.info.clouds.simacan.api_url + path;

/** What arrived of a request that was sent with these options. */
async function echoed(test, options, input = api("/echo")) {
  const answer = await clouds.client(test, "simacan").fetch(input, options);
  assert.equal(answer.status, 200);
  return answer.json();
}

for (const cloud of FOUR) {
  test(`the devices of ${cloud} are listed page by page`, async (t) => {
    const client = clouds.client(t, cloud);
    const pages = [];
    for await (const page of client.pages(clouds.devices(cloud))) {
      assert.equal(page.status, 200);
      assert.equal(page.next === null, pages.length === 2);
      pages.push(await page.text());
    }
    assert.equal(new Set(pages).size, 3);
  });

  test(`a token that ${cloud} refuses is renewed and replayed`, async (t) => {
    const client = clouds.client(t, cloud);
    await client.token();
    await clouds.tell("revoke", { cloud, what: "access" });
    const answer = await client.fetch(clouds.devices(cloud));
    assert.equal(answer.status, 200);
    assert.equal(client.status().counters.replays, 1);
    assert.deepEqual((await clouds.tokenCalls(cloud)).slice(-1), ["refresh"]);
  });
}

test("a second refusal is the caller's to see", async (t) => {
  const client = clouds.client(t, "simacan");
  await clouds.inject("simacan", "api", "status:401");
  const answer = await client.fetch(api("/echo"));
  assert.equal(answer.status, 401);
  assert.equal((await clouds.calls("simacan")).api, 2);
});

test("an answer of any status is a Response", async (t) => {
  const client = clouds.client(t, "simacan");
  for (const status of [204, 304, 404, 503, 600, 999]) {
    await clouds.inject("simacan", "api", `status:${status}`, { times: 3, body: "" });
    for (const stream of [false, true]) {
      const answer = await client.fetch(api("/echo"), { stream, idempotent: false });
      assert.deepEqual([answer.status, answer.ok], [status, status === 204]);
      await answer.text();
    }
    await clouds.reset();
  }
});

test("an answer is a Response with status, headers and body", async (t) => {
  const client = clouds.client(t, "simacan");
  const answer = await client.fetch(api("/status/418"));
  assert.ok(answer instanceof Response);
  assert.equal(answer.status, 418);
  assert.equal(answer.ok, false);
  assert.match(answer.headers.get("content-type"), /^application\/json/);
  assert.deepEqual(await answer.json(), { status: 418 });
});

test("answers without a body are Responses too", async (t) => {
  const client = clouds.client(t, "simacan");
  for (const status of [204, 304]) {
    const answer = await client.fetch(api(`/status/${status}`));
    assert.equal(answer.status, status);
    assert.equal(answer.body, null);
  }
  const head = await client.fetch(api("/echo"), { method: "HEAD" });
  assert.equal(await head.text(), "");
});

test("a body arrives as it was sent, whatever it is given as", async (t) => {
  const form = new FormData();
  form.set("name", "gateway");
  const bodies = {
    text: ["Grüße", undefined],
    bytes: [new TextEncoder().encode("Grüße"), undefined],
    part: [new TextEncoder().encode("<Grüße>").subarray(1, 8), undefined],
    blob: [new Blob(["Grüße"], { type: "text/x-greeting" }), "text/x-greeting"],
    query: [new URLSearchParams({ a: "1 2" }), "application/x-www-form-urlencoded;charset=UTF-8"],
  };
  for (const [name, [body, type]] of Object.entries(bodies)) {
    const arrived = await echoed(t, { method: "POST", body });
    assert.equal(arrived.body, name === "query" ? "a=1+2" : "Grüße", name);
    assert.equal(arrived.headers["content-type"], type, name);
  }
  const arrived = await echoed(t, { method: "POST", body: form });
  assert.match(arrived.headers["content-type"], /^multipart\/form-data; boundary=/);
  assert.match(arrived.body, /name="name"\r\n\r\ngateway\r\n/);
});

test("a text has the type that the cloud's requests have", async (t) => {
  const client = clouds.client(t, "kontakt");
  const url = `${clouds.info.clouds.kontakt.api_url}/echo`;
  const arrived = await (await client.fetch(url, { method: "POST", body: "{}" })).json();
  assert.equal(arrived.headers["content-type"], "application/json");
});

test("bytes come back as they are", async (t) => {
  const client = clouds.client(t, "simacan", { max_body_bytes: 1 << 20 });
  const sent = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i & 0xff)).toString("latin1");
  const headers = { "Content-Type": "application/octet-stream" };
  await clouds.inject("simacan", "api", "status:200", { body: sent, headers });
  const answer = Buffer.from(await (await client.fetch(api("/echo"))).arrayBuffer());
  assert.equal(answer.toString(), sent);
});

test("a header's value may have any byte that HTTP allows", async (t) => {
  const client = clouds.client(t, "simacan");
  await clouds.inject("simacan", "api", "set-header:X-Name=Grüße");
  const answer = await client.fetch(api("/echo"));
  assert.equal(Buffer.from(answer.headers.get("x-name"), "latin1").toString(), "Grüße");
});

test("method, headers and query arrive", async (t) => {
  const headers = new Headers({ "X-Trip": "7", Accept: "text/plain" });
  const arrived = await echoed(t, { method: "PATCH", headers }, new URL(api("/echo?a=1&b=%20")));
  assert.equal(arrived.method, "PATCH");
  assert.equal(arrived.query, "a=1&b=%20");
  assert.equal(arrived.headers["x-trip"], "7");
  assert.equal(arrived.headers.accept, "text/plain");
});

test("a Request can be sent as it is", async (t) => {
  const request = new Request(api("/echo"), {
    method: "PUT",
    headers: { "X-Trip": "8" },
    body: "over",
  });
  const arrived = await echoed(t, undefined, request);
  assert.equal(arrived.method, "PUT");
  assert.equal(arrived.headers["x-trip"], "8");
  assert.equal(arrived.body, "over");
});

test("a relative URL begins at the provider's base URL", async (t) => {
  const client = clouds.client(t, "kontakt");
  assert.equal((await (await client.fetch("echo?x=1")).json()).query, "x=1");
  assert.equal((await (await client.fetch("/echo")).json()).path, "/echo");
});

test("a foreign origin is refused before anything is sent", async (t) => {
  const client = clouds.client(t, "simacan");
  await assert.rejects(client.fetch("https://example.com/"), {
    name: "OriginError",
    code: "FOREIGN_ORIGIN",
  });
  await assert.rejects(client.fetch("http://example.com/"), { code: "INSECURE_URL" });
  assert.deepEqual(await clouds.ask("journal"), []);
});

test("a header that carries the token is not the caller's to set", async (t) => {
  const client = clouds.client(t, "simacan");
  const headers = { Authorization: "Bearer mine" };
  await assert.rejects(client.fetch(api("/echo"), { headers }), { code: "INVALID_ARGUMENT" });
});

test("a text with a NUL is refused, not cut", async (t) => {
  const client = clouds.client(t, "simacan");
  const refused = { name: "ArgumentError", code: "INVALID_ARGUMENT" };
  await assert.rejects(client.fetch(`${api("/echo")}\0/more`), refused);
  await assert.rejects(client.fetch(api("/echo"), { method: "GET\0" }), refused);
  await assert.rejects(client.refused("token\0"), refused);
});

test("a POST is repeated after a 503 only if marked idempotent", async (t) => {
  for (const [idempotent, expected] of [[undefined, 503], [true, 200]]) {
    await clouds.reset();
    const client = clouds.client(t, "simacan");
    await clouds.inject("simacan", "api", "status:503", { times: 1 });
    const answer = await client.fetch(api("/echo"), { method: "POST", body: "x", idempotent });
    assert.equal(answer.status, expected);
  }
});

test("many requests at once all get their own answers", async (t) => {
  const client = clouds.client(t, "simacan");
  const numbers = Array.from({ length: 600 }, (_, i) => i);
  const answers = await Promise.all(
    numbers.map(async (i) => (await client.fetch(api(`/echo?i=${i}`))).json()),
  );
  assert.deepEqual(
    answers.map(({ query }) => query),
    numbers.map((i) => `i=${i}`),
  );
  assert.deepEqual(await clouds.tokenCalls("simacan"), ["login"]);
});
