// Calls that wait: their limits, their signals, and how they end.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { getEventListeners } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { CancelledError, ClosedError, TimeoutError } from "@keyfob/client";
import { startSimulator } from "./simulator.mjs";

const clouds = await startSimulator();
after(() => clouds.stop());
beforeEach(() => clouds.reset());

const THREADS = 4;
const api = (path) => clouds.info.clouds.simacan.api_url + path;

/** A client with a token, whose requests get no answer until it is cancelled. */
async function stalled(test, more) {
  const client = clouds.client(test, "simacan", more);
  await client.token();
  await clouds.inject("simacan", "api", "stall:before-headers");
  return client;
}

/** Waits until so many requests have arrived: then they wait for their answers. */
async function arrived(count) {
  while (((await clouds.calls("simacan")).api ?? 0) < count);
}

test("a signal ends a waiting call at once, with its reason", async (t) => {
  const client = await stalled(t);
  const controller = new AbortController();
  const call = client.fetch(api("/echo"), { signal: controller.signal });
  await arrived(1);
  const reason = new Error("enough");
  controller.abort(reason);
  await assert.rejects(call, (fault) => fault === reason);
});

test("a signal ends each kind of call that waits", async (t) => {
  for (const call of ["token", "headers", "renew", "forget", "set", "refused", "fetch"]) {
    await clouds.reset();
    const client = clouds.client(t, "simacan");
    await clouds.inject("simacan", "login", "stall:before-headers");
    const first = { refused: "token", set: {}, fetch: api("/echo") }[call];
    const options = { signal: AbortSignal.abort() };
    const made = first === undefined ? client[call](options) : client[call](first, options);
    await assert.rejects(made, { name: "AbortError" }, call);
    assert.deepEqual(await clouds.ask("journal"), [], call);
  }
});

test("a call that was ended is not waited for, and others go on", async (t) => {
  const client = clouds.client(t, "simacan");
  await clouds.inject("simacan", "login", "delay:300", { times: 1 });
  const controller = new AbortController();
  const ended = client.token({ signal: controller.signal });
  const other = client.token();
  controller.abort();
  await assert.rejects(ended, { name: "AbortError" });
  assert.equal(typeof (await other), "string");
});

test("a signal that outlives its calls is left as it was", async (t) => {
  const client = clouds.client(t, "simacan");
  const { signal } = new AbortController();
  await client.token({ signal });
  await client.fetch(api("/echo"), { signal });
  await assert.rejects(client.fetch("https://example.com/", { signal }));
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("any number of calls hang on one signal without a warning", async (t) => {
  const client = clouds.client(t, "simacan");
  await clouds.inject("simacan", "login", "delay:200", { times: 1 });
  const warnings = [];
  const warn = (warning) => warnings.push(warning.name);
  process.on("warning", warn);
  t.after(() => process.off("warning", warn));
  const { signal } = new AbortController();
  const calls = Array.from({ length: 30 }, () => client.token({ signal }));
  assert.equal(getEventListeners(signal, "abort").length, 1);
  await Promise.all(calls);
  assert.equal(getEventListeners(signal, "abort").length, 0);
  assert.deepEqual(warnings, []);
});

// A call of C takes 30 seconds where it is not cancelled.
test("a call that had no thread yet when it was ended, ends", { timeout: 20_000 }, async (t) => {
  const client = await stalled(t);
  const directory = mkdtempSync(join(tmpdir(), "keyfob-node-test-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const pipe = join(directory, "pipe");
  execFileSync("mkfifo", [pipe]);
  // Whoever opens a pipe waits for somebody at its other end.
  const threads = Array.from({ length: THREADS }, () => open(pipe));
  const controller = new AbortController();
  const call = client.fetch(api("/echo"), { signal: controller.signal });
  // The call is handed over in a microtask.
  await new Promise(setImmediate);
  controller.abort();
  await assert.rejects(call, { name: "AbortError" });
  const otherEnd = openSync(pipe, "w");
  for (const thread of threads) await (await thread).close();
  closeSync(otherEnd);
  await client.close();
});

test("a time limit ends a call with a TimeoutError", async (t) => {
  const client = await stalled(t);
  await assert.rejects(client.fetch(api("/echo"), { timeout: 50 }), (fault) => {
    assert.ok(fault instanceof TimeoutError);
    assert.equal(fault.code, "TIMEOUT");
    assert.equal(fault.retriable, true);
    return true;
  });
});

test("a call without a limit has the client's, also after a change", async (t) => {
  const client = await stalled(t, { timeout_ms: 50 });
  await assert.rejects(client.fetch(api("/echo")), /within 50 ms/);
  await client.set({ timeout_ms: 60 });
  await assert.rejects(client.fetch(api("/echo")), /within 60 ms/);
});

test("a limit that is none is refused", async (t) => {
  const client = clouds.client(t, "simacan");
  for (const timeout of [-1, "soon"]) {
    await assert.rejects(client.token({ timeout }), { code: "INVALID_ARGUMENT" });
  }
  assert.equal(typeof (await client.token({ timeout: Infinity })), "string");
});

test("a thread is left for files while all calls wait", async (t) => {
  const client = await stalled(t);
  const calls = Array.from({ length: 2 * THREADS }, () => client.fetch(api("/echo")));
  await arrived(THREADS - 1);
  assert.match(await readFile(new URL(import.meta.url), "utf8"), /a thread is left for files/);
  client.cancel();
  for (const call of calls) await assert.rejects(call, CancelledError);
  assert.equal((await clouds.calls("simacan")).api, THREADS - 1, "the others were never begun");
});

test("a call that waits for a thread has its limit and signal too", async (t) => {
  const client = await stalled(t);
  const first = Array.from({ length: THREADS - 1 }, () => client.fetch(api("/echo")));
  await arrived(THREADS - 1);
  const controller = new AbortController();
  const late = client.fetch(api("/echo"), { timeout: 20 });
  const unwanted = client.fetch(api("/echo"), { signal: controller.signal });
  controller.abort();
  await assert.rejects(unwanted, { name: "AbortError" });
  await assert.rejects(late, { code: "TIMEOUT", message: /no thread was free/ });
  client.cancel();
  await Promise.allSettled(first);
  await clouds.tell("clear", { what: "injections" });
  assert.equal((await client.fetch(api("/echo"))).status, 200);
});

test("close waits for the calls under way and refuses later ones", async (t) => {
  const client = clouds.client(t, "simacan");
  await clouds.inject("simacan", "login", "delay:200");
  const calls = Array.from({ length: 2 * THREADS }, () => client.token());
  const closed = client.close();
  assert.equal(client.close(), closed);
  for (const call of ["token", "headers", "renew", "forget"]) {
    await assert.rejects(client[call](), ClosedError, call);
  }
  await assert.rejects(client.fetch(api("/echo")), ClosedError);
  for (const call of ["status", "wind"]) assert.throws(() => client[call](0), ClosedError, call);
  assert.throws(() => client.expiresIn, ClosedError);
  await closed;
  assert.equal(new Set(await Promise.all(calls)).size, 1);
});

test("a client closes itself at the end of its block", async (t) => {
  const client = clouds.client(t, "simacan");
  await client[Symbol.asyncDispose]();
  await assert.rejects(client.token(), ClosedError);
});

/** Runs a program that has a client, and says how it ended. */
function run(program) {
  const made = `
    import { Client } from "@keyfob/client";
    const client = new Client("simacan", ${JSON.stringify(clouds.options("simacan"))});
    ${program}`;
  const cwd = new URL(".", import.meta.url);
  const args = ["--input-type=module", "--expose-gc", "--eval", made];
  return spawnSync(process.execPath, args, { cwd, timeout: 20_000, encoding: "utf8" });
}

test("a process ends by itself when its work is done", () => {
  const { status, signal, stderr } = run(`await client.token();`);
  assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: "" });
});

test("a process that exits does not wait for the cloud", async () => {
  await clouds.inject("simacan", "login", "stall:before-headers");
  // A call takes 30 seconds, and the program is killed after 20.
  const { status, signal } = run(`client.token(); setTimeout(() => process.exit(7), 100);`);
  assert.deepEqual({ status, signal }, { status: 7, signal: null });
});

test("a forgotten client is freed after its calls have returned", async () => {
  await clouds.inject("simacan", "login", "delay:200");
  const { status, stdout, stderr } = run(`
    const call = new Client("simacan", ${JSON.stringify(clouds.options("simacan"))}).token();
    for (let i = 0; i < 20; i++) { gc(); await new Promise(setImmediate); }
    console.log((await call).length > 0);
    for (let i = 0; i < 20; i++) { gc(); await new Promise(setImmediate); }
  `);
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "true\n", stderr: "" });
});

test("clients that are not freed yet do not fill the memory", async () => {
  // V8 does not know what a client weighs, so it is late with freeing those for a request each: a
  // client has to weigh little. It is some 5 KB, and was 58.
  const { status, stdout, stderr } = run(`
    const before = process.memoryUsage.rss();
    const kept = [];
    for (let made = 0; made < 2000; made++) {
      kept.push(new Client("simacan", { username: "u", password: "p" }));
    }
    const each = (process.memoryUsage.rss() - before) / kept.length;
    console.log(each < 20_000 ? "little" : each);
  `);
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "little\n", stderr: "" });
});
