// Bodies of any size, and news of a token.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, beforeEach, test } from "node:test";
import { AnswerError, ArgumentError, BodyError, CancelledError, Client, KeyfobError, TimeoutError } from "@keyfob/client";
import { startSimulator } from "./simulator.mjs";

const clouds = await startSimulator();
after(() => clouds.stop());
beforeEach(() => clouds.reset());

const SIZE = 3_000_000;
const api = (path) => clouds.info.clouds.simacan.api_url + path;
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

function folder(test) {
  const path = mkdtempSync(join(tmpdir(), "keyfob-test-"));
  test.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("a body is a stream that is read piece by piece", async (t) => {
  const client = clouds.client(t, "simacan");
  const told = [];
  const answer = await client.fetch(api(`/files/${SIZE}`), {
    stream: true,
    onProgress: (...howFar) => told.push(howFar),
  });
  assert.equal(answer.status, 200);
  let size = 0;
  for await (const piece of answer.body) size += piece.length;
  assert.equal(size, SIZE);
  assert.deepEqual(told.at(-1), [SIZE, SIZE]);
  const whole = await client.fetch(api(`/files/${SIZE}`));
  const again = await client.fetch(api(`/files/${SIZE}`), { stream: true });
  assert.equal(digest(await again.bytes?.() ?? Buffer.from(await again.arrayBuffer())), digest(Buffer.from(await whole.arrayBuffer())));
  const empty = await client.fetch(api("/files/0"), { stream: true });
  assert.equal(await empty.text(), "");
});

test("pieces that nobody holds do not pile up", async (t) => {
  const client = clouds.client(t, "simacan");
  const held = () => process.memoryUsage().arrayBuffers;
  const idle = held();
  let most = 0;
  const answer = await client.fetch(api("/files/80000000"), { stream: true });
  for await (const piece of answer.body) if (piece.length > 0) most = Math.max(most, held());
  // V8 by itself lets 32 MiB come together.
  assert.ok(most - idle < 16 << 20, `${most - idle} bytes`);
  most = 0;
  const pieces = async function* () {
    for (let count = 0; count < 1200; count += 1) {
      yield Buffer.alloc(65_536);
      most = Math.max(most, held());
    }
  };
  // How large a body it takes is the server's to say.
  await client.fetch(api("/files"), { method: "PUT", body: Readable.from(pieces()) }).catch(() => undefined);
  assert.ok(most > 0 && most - idle < 16 << 20, `${most - idle} bytes`);
});

test("a stream that is cancelled reads no more", async (t) => {
  const client = clouds.client(t, "simacan");
  for (let round = 0; round < 10; round += 1) {
    const answer = await client.fetch(api(`/files/${SIZE}`), { stream: true });
    for await (const piece of answer.body) if (piece.length > 0) break;
  }
  await clouds.inject("simacan", "api", "stall:within-body");
  const stalled = await client.fetch(api(`/files/${SIZE}`), { stream: true });
  const reader = stalled.body.getReader();
  const reading = (async () => {
    while (!(await reader.read()).done);
  })();
  await new Promise((later) => setTimeout(later, 20));
  await reader.cancel();
  await reading;
});

test("a client that is closed ends its streams", async (t) => {
  const client = clouds.client(t, "simacan");
  await clouds.inject("simacan", "api", "stall:within-body");
  const answer = await client.fetch(api(`/files/${SIZE}`), { stream: true });
  const reading = assert.rejects(answer.arrayBuffer(), CancelledError);
  await client.close();
  await reading;
});

test("a stream that is cut fails, and is no whole body", async (t) => {
  const client = clouds.client(t, "simacan");
  await clouds.inject("simacan", "api", "close:within-body");
  const answer = await client.fetch(api(`/files/${SIZE}`), { stream: true });
  await assert.rejects(answer.arrayBuffer(), KeyfobError);
});

test("a stream that is half read and forgotten keeps nothing back", async (t) => {
  const client = clouds.client(t, "simacan");
  for (let round = 0; round < 20; round += 1) {
    const answer = await client.fetch(api(`/files/${SIZE}`), { stream: true });
    await answer.body.getReader().read();
  }
  globalThis.gc?.();
  assert.equal((await client.fetch(api("/files/3"))).status, 200);
});

test("a body goes out from a stream and from a file", async (t) => {
  const client = clouds.client(t, "simacan");
  const bytes = Buffer.alloc(SIZE, "x");
  const file = join(folder(t), "log");
  writeFileSync(file, bytes);
  const spools = () => readdirSync(tmpdir()).filter((name) => /^keyfob-[A-Za-z0-9]{6}$/.test(name));
  const before = spools();
  const pieces = () => Readable.from([bytes.subarray(0, 2_000_000), bytes.subarray(2_000_000)]);
  for (const options of [{ body: pieces() }, { body: Readable.toWeb(pieces()) }, { bodyFile: file }]) {
    const answer = await client.fetch(api("/uploads"), { method: "POST", ...options });
    assert.deepEqual(await answer.json(), { length: SIZE, sha256: digest(bytes) });
  }
  assert.deepEqual(spools(), before, "nothing is left of it");
  const gone = client.fetch(api("/uploads"), { method: "POST", bodyFile: "/nowhere/at/all" });
  await assert.rejects(gone, BodyError);
});

test("a stream that does not come to its end is given up", async (t) => {
  const client = clouds.client(t, "simacan");
  const given = { up: 0 };
  const silent = () =>
    new ReadableStream({
      pull: () => new Promise(() => {}),
      cancel: () => (given.up += 1),
    });
  const upload = (options) => client.fetch(api("/uploads"), { method: "POST", body: silent(), ...options });
  await assert.rejects(upload({ timeout: 20 }), TimeoutError);
  await assert.rejects(upload({ timeout: -1 }), ArgumentError);
  const controller = new AbortController();
  const aborted = upload({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(aborted, /enough/);
  assert.equal(given.up, 2);
});

test("what a progress function throws ends the call, and it alone", async (t) => {
  const client = clouds.client(t, "simacan");
  const target = join(folder(t), "image");
  const onProgress = () => {
    throw new Error("mine");
  };
  await clouds.inject("simacan", "api", "stall:within-body");
  for (const call of [
    () => client.download(api(`/files/${SIZE}`), target, { onProgress }),
    () => client.fetch(api(`/files/${SIZE}`), { onProgress }),
  ]) {
    await assert.rejects(call(), /mine/);
  }
});

test("a download is checked and put in its place", async (t) => {
  const client = clouds.client(t, "simacan");
  const target = join(folder(t), "image");
  const url = api(`/files/${SIZE}`);
  const whole = Buffer.from(await (await client.fetch(url)).arrayBuffer());
  const told = [];
  const onProgress = (...howFar) => told.push(howFar);
  const answer = await client.download(url, target, { sha256: digest(whole), onProgress });
  assert.equal(answer.status, 200);
  assert.deepEqual(told.at(-1), [SIZE, SIZE]);
  const wrong = client.download(url, target, { sha256: "00".repeat(32) });
  await assert.rejects(wrong, AnswerError);
  assert.equal(digest(readFileSync(target)), digest(whole), "the old file is intact");
});

test("each new token is given to who loops over them", async (t) => {
  const client = clouds.client(t, "simacan");
  const tokens = client.tokens();
  const first = (await tokens.next()).value;
  assert.equal(first, await client.token());
  const second = tokens.next();
  await client.renew();
  assert.notEqual((await second).value, first);
  const third = tokens.next();
  await clouds.tell("wind", { seconds: 3500 });
  client.wind(3_500_000);
  assert.equal((await third).value, await client.token(), "renewed by who waited for it");
  const end = tokens.next();
  await client.close();
  assert.deepEqual(await end, { done: true, value: undefined });
});

test("tokens, holds, errors and log lines are events", async (t) => {
  const options = clouds.options("simacan", undefined, {});
  const client = new Client("simacan", options, { log: "info" });
  t.after(() => client.close());
  const seen = { token: [], hold: [], error: [], log: [] };
  for (const name of Object.keys(seen)) client.events.on(name, (...what) => seen[name].push(what));
  const until = async (done) => {
    while (!done()) await new Promise((later) => setTimeout(later, 5));
  };
  await client.token();
  await until(() => seen.token.length === 1 && seen.log.length > 0);
  await clouds.tell("wind", { seconds: 3500 });
  client.wind(3_500_000);
  await until(() => seen.token.length === 2);
  assert.equal(seen.token[1][0], await client.token());
  await client.set({ password: "wrong", username: "gateway@example.com" });
  await client.forget();
  await assert.rejects(client.token());
  await until(() => seen.hold.length === 1 && seen.error.length === 1);
  assert.equal(seen.error[0][0].code, "CREDENTIALS_REJECTED");
});
