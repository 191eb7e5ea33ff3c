// The package: how it finds its library, what it refuses, and that nothing is shared by surprise.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import * as keyfob from "@keyfob/client";
import { startSimulator } from "./simulator.mjs";

const clouds = await startSimulator();
const directory = mkdtempSync(join(tmpdir(), "keyfob-node-test-"));
after(() => clouds.stop());
after(() => rmSync(directory, { recursive: true }));

/** Loads a package with a library, and says what it printed on standard error. */
function load(library, name = "@keyfob/client") {
  const env = { ...process.env };
  delete env.KEYFOB_LIBRARY;
  const { stderr } = spawnSync(process.execPath, ["-e", `require(${JSON.stringify(name)})`], {
    cwd: new URL(".", import.meta.url),
    env: library === undefined ? env : { ...env, KEYFOB_LIBRARY: library },
    encoding: "utf8",
  });
  return stderr;
}

/** A shared library of one function. */
function compiled(name, source) {
  const path = join(directory, `${name}.so`);
  writeFileSync(join(directory, `${name}.c`), source);
  execFileSync("cc", ["-shared", "-fPIC", "-o", path, join(directory, `${name}.c`)]);
  return path;
}

test("a library of an older ABI is refused when it is loaded", () => {
  const library = compiled("older", "unsigned keyfob_abi_version(void) { return 0; }");
  assert.match(load(library), /older\.so has ABI version 0, and this package needs \d+/);
});

test("a library that is not keyfob is refused", () => {
  assert.match(load(compiled("other", "int other;")), /other\.so is not a keyfob library/);
});

test("without a library the error says how to get one", () => {
  const platform = `${process.platform}-${process.arch}`;
  // Where nothing was built beside it.
  const here = fileURLToPath(new URL("..", import.meta.url));
  cpSync(join(here, "dist"), join(directory, "dist"), { recursive: true });
  symlinkSync(join(here, "node_modules"), join(directory, "node_modules"));
  assert.match(load(undefined, join(directory, "dist")), new RegExp(`install @keyfob/client-${platform}, or name a libkeyfob`));
});

test("import and require give the same package", () => {
  const required = createRequire(import.meta.url)("@keyfob/client");
  for (const [name, value] of Object.entries(required)) assert.equal(keyfob[name], value, name);
});

test("the clouds and their options are told", () => {
  const { providers, options } = keyfob.providers();
  const kii = providers.find(({ name }) => name === "kii");
  assert.deepEqual(
    kii.logins.map(({ name }) => name).sort(),
    ["admin", "anonymous", "thing", "user"],
  );
  assert.equal(options.find(({ name }) => name === "password").secret, true);
  assert.match(keyfob.version, /^\d+\.\d+\.\d+/);
});

test("the program's options win over the file's and environment's", async (t) => {
  const file = join(directory, "options.json");
  const { username, password, ...rest } = clouds.options("simacan");
  writeFileSync(file, JSON.stringify({ ...rest, username: "nobody", password: "none" }));
  process.env.SIMACAN_GATEWAY_USERNAME = username;
  t.after(() => delete process.env.SIMACAN_GATEWAY_USERNAME);
  const client = new keyfob.Client("simacan", { password }, { file, env: "SIMACAN_GATEWAY" });
  t.after(() => client.close());
  assert.equal(typeof (await client.token()), "string");
});

test("worker threads share nothing and work", async () => {
  await clouds.reset();
  const program = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { Client } = require("@keyfob/client");
    const client = new Client("simacan", workerData.options);
    client.fetch(workerData.url).then(async (answer) => {
      parentPort.postMessage([answer.status, await client.token()]);
      await client.close();
    });`;
  const worked = Array.from({ length: 4 }, () => {
    const workerData = { options: clouds.options("simacan"), url: clouds.devices("simacan") };
    const worker = new Worker(program, { eval: true, workerData });
    return new Promise((resolve, reject) => {
      let said;
      worker.once("message", (message) => (said = message));
      worker.once("error", reject);
      worker.once("exit", (code) => resolve([code, ...said]));
    });
  });
  const ended = await Promise.all(worked);
  assert.deepEqual(ended.map(([code, status]) => [code, status]), Array(4).fill([0, 200]));
  assert.equal(new Set(ended.map(([, , token]) => token)).size, 4, "each has its own");
  assert.equal((await clouds.calls("simacan")).login, 4);
});

test("worker threads with one file store are one client", async () => {
  await clouds.reset();
  const program = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { Client } = require("@keyfob/client");
    const client = new Client("simacan", workerData);
    client.token().then((token) => parentPort.postMessage(token));`;
  const store = `file:${join(directory, "tokens")}`;
  const tokens = Array.from({ length: 4 }, () => {
    const workerData = clouds.options("simacan", undefined, { store });
    const worker = new Worker(program, { eval: true, workerData });
    return new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  });
  assert.equal(new Set(await Promise.all(tokens)).size, 1);
  assert.deepEqual(await clouds.tokenCalls("simacan"), ["login"]);
});

test("a client can be made from a profile of one's own", async (t) => {
  const { base_url, logins } = clouds.info.clouds.thingsboard;
  const client = new keyfob.Client("custom", {
    profile_file: new URL("../../../tests/data/thingsboard.json", import.meta.url).pathname,
    base_url,
    ca_file: clouds.info.ca_file,
    ...logins.password,
  });
  t.after(() => client.close());
  assert.match((await client.headers())["X-Authorization"], /^Bearer /);
});
