// Bodies that are read piece by piece, and one piece ahead of who reads them.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { after, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client, KeyfobError } from "@keyfob/client";

const { library } = createRequire(import.meta.url)("../dist/library.js");
const { STATUSES } = createRequire(import.meta.url)("../dist/abi.js");

/** What each read ended with, in order, a promise of its status: here, on a thread that waits, or ahead of the reader. */
const reads = { here: [], waiting: [], ahead: [] };
const { keyfob_response_read: waiting, keyfob_response_read_now: now } = library;

function watched(read, async, list) {
  const watched = (...taken) => {
    const status = read(...taken);
    if (read === now) reads.here.push(Promise.resolve(status));
    return status;
  };
  watched.async = (...taken) => {
    const done = taken.pop();
    list.push(
      new Promise((ended) => {
        async(...taken, (fault, status) => {
          ended(status);
          done(fault, status);
        });
      }),
    );
  };
  return watched;
}
library.keyfob_response_read = watched(waiting, waiting.async, reads.waiting);
library.keyfob_response_read_now = watched(now, now.async, reads.ahead);
after(() => Object.assign(library, { keyfob_response_read: waiting, keyfob_response_read_now: now }));
beforeEach(() => Object.values(reads).forEach((list) => list.splice(0)));

const count = () => Object.values(reads).flat().length;

const SIZE = 3_000_000;
/** What a read has room for at first: a piece as large is full, so that there is reason to read on. */
const FULL = 65_536;
const whole = randomBytes(SIZE);

/** A client of a server that answers with a head, and then as `answers` likes. */
async function served(t, answers, options, head = { "Content-Length": SIZE }) {
  const server = createServer((_, answer) => {
    answer.writeHead(200, head);
    answers(answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const base_url = `http://127.0.0.1:${server.address().port}`;
  const client = new Client("kontakt", { api_key: "k", base_url, ...options });
  t.after(async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  });
  const get = async (more) => (await client.fetch(`${base_url}/x`, { stream: true, ...more })).body;
  return { server, client, base_url, get };
}

const later = (milliseconds) => new Promise((go) => setTimeout(go, milliseconds));

/** Works on each piece for a while, until one is read ahead; a server writes no more than that takes. */
async function untilAhead(reader, write) {
  const pieces = [];
  while (reads.ahead.length === 0) {
    write();
    await later(5);
    pieces.push((await reader.read()).value);
  }
  return pieces;
}

/** Resolves when the first connection has been closed, in good order or not. */
async function closing(server) {
  const [socket] = await once(server, "connection");
  socket.on("error", () => undefined);
  return new Promise((closed) => socket.on("close", closed));
}

/** A server's answer, written a piece at a time. */
class Slow {
  #at = 0;

  answers(answer) {
    answer.flushHeaders();
    this.answer = answer;
  }

  write(size = FULL) {
    this.answer.write(whole.subarray(this.#at, (this.#at += size)));
  }

  end() {
    this.answer.end(whole.subarray(this.#at));
  }
}

test("pieces are in order, and each keeps its bytes", async (t) => {
  const { get } = await served(t, (answer) => answer.end(whole));
  for (const pause of [() => undefined, () => later(1)]) {
    const pieces = [];
    for await (const piece of await get()) {
      pieces.push(piece);
      await pause();
    }
    assert.ok(Buffer.concat(pieces).equals(whole));
  }
  const reader = (await get()).getReader({ mode: "byob" });
  const little = [];
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(50_000));
    if (done) break;
    little.push(value);
  }
  assert.ok(Buffer.concat(little).equals(whole), "into buffers of the reader's own");
});

test("little that comes does not keep a large buffer", async (t) => {
  const { get } = await served(t, async (answer) => {
    for (let at = 0; at < SIZE; at += 100_000) {
      answer.write(whole.subarray(at, at + 100_000));
      if (at > 2_000_000) await later(2);
    }
    answer.end();
  });
  const pieces = [];
  for await (const piece of await get()) pieces.push(piece);
  assert.ok(Buffer.concat(pieces).equals(whole));
  for (const { length, buffer, byteOffset } of pieces) {
    assert.ok(buffer.byteLength <= 4 * length, `${length}`);
    const rest = new Uint8Array(buffer, byteOffset + length);
    assert.ok(rest.every((byte) => byte === 0), "what memory held before is not shown");
  }
});

test("a body in chunks is read as well", async (t) => {
  const { get } = await served(t, (answer) => answer.end(whole), {}, {});
  const body = await get();
  await later(20); // some of it has come
  const pieces = [];
  for await (const piece of body) pieces.push(piece);
  assert.ok(Buffer.concat(pieces).equals(whole));
  const ended = await Promise.all(reads.here);
  assert.ok(ended.includes(STATUSES.OK), "what had come was read at once");
});

test("at most one piece is read that nobody asked for", async (t) => {
  const { get } = await served(t, (answer) => answer.end(whole));
  const body = await get();
  await later(20);
  assert.equal(count(), 0, "a body that is never read costs nothing");
  const reader = body.getReader();
  await untilAhead(reader, () => undefined);
  await Promise.all(reads.ahead);
  const asked = count();
  await later(20);
  assert.equal(count(), asked, "it is there, and no more is read");
  await reader.cancel();
});

test("no thread waits for a server that is slower than its reader", async (t) => {
  const slow = new Slow();
  const { get } = await served(t, (answer) => slow.answers(answer));
  const reader = (await get()).getReader();
  slow.write(1000);
  assert.equal((await reader.read()).value.length, 1000);
  await Promise.all(reads.waiting);
  assert.equal(reads.ahead.length, 0);
  const asked = count();
  await later(20);
  assert.equal(count(), asked, "none is under way");
  await reader.cancel();
});

test("timers and requests go on while a body comes fast", async (t) => {
  const { client, base_url, get } = await served(t, (answer) => answer.write("x"), {}, {});
  const body = await get();
  const real = library.keyfob_response_read_now;
  t.after(() => (library.keyfob_response_read_now = real));
  // Faster than any network: there is always more.
  const read = (_response, _buffer, room, length) => {
    length[0] = room;
    return STATUSES.OK;
  };
  const async = (...taken) => taken.pop()(null, read(...taken));
  library.keyfob_response_read_now = Object.assign(read, { async });
  const timer = later(5);
  const others = Promise.all([timer, client.fetch(`${base_url}/y`, { stream: true })]);
  let went = false;
  others.then(() => (went = true));
  let pieces = 0;
  for await (const piece of body) {
    if (went) break;
    if (piece.length > 0) pieces += 1;
    assert.ok(pieces < 100_000, "nothing else had its turn");
  }
});

test("a body is read to its end under timers that a test turns", { timeout: 60_000 }, async (t) => {
  const { get } = await served(t, (answer) => answer.end(whole));
  const body = await get();
  await later(20);
  t.mock.method(globalThis, "setImmediate", () => undefined);
  let size = 0;
  for await (const piece of body) {
    size += piece.length;
    const until = performance.now() + 2; // longer than a turn
    while (performance.now() < until);
  }
  assert.equal(size, SIZE);
});

test("the package works where setImmediate is no global", async () => {
  const program = `
    delete globalThis.setImmediate;
    const { Client } = require("@keyfob/client");
    new Client("kontakt", { api_key: "k" }).events.on("token", () => undefined);
    console.log("works");
  `;
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", program], { cwd });
  assert.equal(stdout, "works\n");
});

test("a stream that is cancelled ends with its connection", async (t) => {
  const slow = new Slow();
  const { server, get } = await served(t, (answer) => slow.answers(answer));
  const closed = closing(server);
  const reader = (await get()).getReader();
  await untilAhead(reader, () => slow.write(4 * FULL));
  await reader.cancel();
  await closed;
});

test("what a progress function throws ends the body", async (t) => {
  const slow = new Slow();
  const { server, get } = await served(t, (answer) => slow.answers(answer));
  const closed = closing(server);
  const onProgress = () => {
    throw new Error("mine");
  };
  const reader = (await get({ onProgress })).getReader();
  slow.write();
  await assert.rejects(reader.read(), /mine/);
  await closed;
});

test("what came before a cut is given before the fault", async (t) => {
  const come = 300_000;
  const { get } = await served(t, (answer) => {
    answer.write(whole.subarray(0, come), () => answer.socket.end());
  });
  const pieces = [];
  const reading = async () => {
    for await (const piece of await get()) pieces.push(piece);
  };
  await assert.rejects(reading(), (fault) => fault instanceof KeyfobError && fault.code === "NETWORK");
  assert.ok(Buffer.concat(pieces).equals(whole.subarray(0, come)));
});

test("a reader that takes its time is no silence", async (t) => {
  const slow = new Slow();
  const { get } = await served(t, (answer) => slow.answers(answer), { idle_timeout_ms: 50 });
  const reader = (await get()).getReader();
  const pieces = await untilAhead(reader, () => slow.write(4 * FULL));
  await later(100);
  slow.end();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
  }
  assert.ok(Buffer.concat(pieces).equals(whole));
});

test("a body left half read does not keep the process", { timeout: 60_000 }, async (t) => {
  const { base_url } = await served(t, (answer) => answer.write(whole.subarray(0, SIZE - 1)));
  const program = `
    const { Client } = require("@keyfob/client");
    const base_url = ${JSON.stringify(base_url)};
    const client = new Client("kontakt", { api_key: "k", base_url, idle_timeout_ms: 3_600_000 });
    (async () => {
      const reader = (await client.fetch(base_url + "/x", { stream: true })).body.getReader();
      for (let size = 0; size < ${SIZE - 1}; ) {
        size += (await reader.read()).value.length;
        await new Promise((go) => setTimeout(go, 2));
      }
      console.log("left");
    })();
  `;
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", program], { cwd });
  assert.equal(stdout, "left\n");
});
