// What the package has for tests, used as its page says.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as runner from "node:test";
import { fileURLToPath } from "node:url";
import { simulated } from "@keyfob/client/testing";

const cloud = simulated(runner, "kontakt");
const kii = simulated(runner, "kii", { login: "user", retries: 0 });

runner.test("a dead token is replaced", async () => {
  const client = cloud.client();
  await client.token();
  await cloud.killTokens();
  assert.ok((await client.fetch(cloud.devicesUrl)).ok);
  assert.deepEqual(await cloud.counts(), { api: 2, login: 1, refresh: 1 });
});

runner.test("each test has its clouds as after their start", async () => {
  assert.deepEqual(await cloud.counts(), {});
  const first = await kii.client().token();
  await kii.wind(30 * 86_400_000);
  await kii.fault("login", "status:503", { times: 1 });
  assert.notEqual(await kii.client().token().catch(() => ""), first);
  assert.equal((await kii.journal("login")).length > 0, true);
});

runner.test("what there is no cloud for says so", () => {
  assert.throws(() => cloud.simulator.cloud("custom").options, /no cloud custom/);
  assert.throws(() => cloud.simulator.cloud("kii", { login: "x" }).options, /has the logins /);
});

runner.test("the program may be that of the package keyfob-simulator", () => {
  const directory = mkdtempSync(join(tmpdir(), "keyfob-package-"));
  const place = join(directory, "node_modules/keyfob-simulator");
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "index.js"), "exports.program = () => process.env.THE_PROGRAM;");
  const testing = fileURLToPath(import.meta.resolve("@keyfob/client/testing"));
  const script = `require(${JSON.stringify(testing)}).Simulator.start().then((it) => it.stop())`;
  const env = { ...process.env, KEYFOB_SIMULATOR: "", PATH: "", THE_PROGRAM: process.env.KEYFOB_SIMULATOR };
  execFileSync(process.execPath, ["-e", script], { cwd: directory, env });
  rmSync(directory, { recursive: true });
});
