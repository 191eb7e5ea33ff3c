// Bodies that are read piece by piece, and one piece ahead of who reads them.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { after, beforeEach, test } from "node:test";
import { Client, KeyfobError } from "@keyfob/client";

const { library } = createRequire(import.meta.url)("../dist/library.js");
const { STATUSES } = createRequire(import.meta.url)("../dist/abi.js");

/** What each read on a thread ended with, in order: a promise of its status. */
const reads = [];
const { async } = library.keyfob_response_read;
library.keyfob_response_read.async = (...taken) => {
  const done = taken.pop();
  reads.push(
    new Promise((ended) => {
      async(...taken, (fault, status) => {
        ended(status);
        done(fault, status);
      });
    }),
  );
};
after(() => (library.keyfob_response_read.async = async));
beforeEach(() => reads.splice(0));

const SIZE = 3_000_000;
/** What a read has room for at first: a piece as large is full, so that there is reason to read on. */
const FULL = 65_536;
const whole = randomBytes(SIZE);

/** A client of a server that answers with a head, and then as `answers` likes. */
async function served(t, answers, options) {
  const server = createServer((_, answer) => {
    answer.writeHead(200, { "Content-Length": SIZE });
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
  return { server, get: async (more) => (await client.fetch(`${base_url}/x`, { stream: true, ...more })).body };
}

const later = (milliseconds) => new Promise((go) => setTimeout(go, milliseconds));

/** Reads until a piece was full, so that one is read ahead; a server writes no more than that takes. */
async function untilFull(reader, write) {
  const pieces = [];
  while (reads.length === pieces.length) {
    write();
    await later(5);
    pieces.push((await reader.read()).value);
  }
  assert.equal(reads.length, pieces.length + 1);
  return pieces;
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
  for (const { length, buffer } of pieces) assert.ok(buffer.byteLength <= 4 * length, `${length}`);
});

test("at most one piece is read that nobody asked for", async (t) => {
  const { get } = await served(t, (answer) => answer.end(whole));
  const body = await get();
  await later(20);
  assert.equal(reads.length, 0, "a body that is never read costs nothing");
  const reader = body.getReader();
  await untilFull(reader, () => undefined);
  await Promise.all(reads);
  const asked = reads.length;
  await later(20);
  assert.equal(reads.length, asked, "it is there, and no more is read");
  await reader.cancel();
});

test("no thread waits for a server that is slower than its reader", async (t) => {
  const slow = new Slow();
  const { get } = await served(t, (answer) => slow.answers(answer));
  const reader = (await get()).getReader();
  slow.write(1000);
  assert.equal((await reader.read()).value.length, 1000);
  assert.equal(reads.length, 1, "none is under way");
  await reader.cancel();
});

test("a stream that is cancelled ends the read ahead of it", async (t) => {
  const slow = new Slow();
  const { server, get } = await served(t, (answer) => slow.answers(answer));
  const connected = once(server, "connection");
  const reader = (await get()).getReader();
  const closed = once((await connected)[0], "close");
  await untilFull(reader, () => slow.write());
  await reader.cancel();
  assert.ok([STATUSES.CANCELLED, STATUSES.OK].includes(await reads.at(-1)));
  await closed;
});

test("what a progress function throws ends the body", async (t) => {
  const slow = new Slow();
  const { server, get } = await served(t, (answer) => slow.answers(answer));
  const connected = once(server, "connection");
  const onProgress = () => {
    throw new Error("mine");
  };
  const reader = (await get({ onProgress })).getReader();
  const closed = once((await connected)[0], "close");
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
  const pieces = await untilFull(reader, () => slow.write());
  await Promise.all(reads); // the read ahead has ended: nothing came for so long
  slow.end();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
  }
  assert.ok(Buffer.concat(pieces).equals(whole));
});
