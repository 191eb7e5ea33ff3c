// The examples: the same story as the C ones, told by the same demo.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { PROGRAM, startSimulator } from "./simulator.mjs";

const clouds = await startSimulator();
const directory = mkdtempSync(join(tmpdir(), "keyfob-node-test-"));
after(() => clouds.stop());
after(() => rmSync(directory, { recursive: true }));

const examples = fileURLToPath(new URL("../../../examples/", import.meta.url));
const programs = join(directory, "c");
execFileSync(join(examples, "node/programs"), [process.env.KEYFOB_LIBRARY, programs]);

/** Runs an example with the environment of a user of this cloud. */
function run(name, words, cloud, more = {}) {
  const options = clouds.options(cloud, undefined, more);
  const named = Object.entries(options).map(([key, value]) => [`KEYFOB_${key.toUpperCase()}`, value]);
  const env = { PATH: process.env.PATH, XDG_STATE_HOME: directory, ...Object.fromEntries(named) };
  const { status, stdout, stderr } = spawnSync(join(programs, name), words, { env, encoding: "utf8" });
  return { status, stdout, stderr };
}

test("the four clouds are told of as with the C examples", () => {
  symlinkSync(PROGRAM, join(directory, "keyfob-simulator"));
  const { status, stdout, stderr } = spawnSync(join(examples, "demo"), [directory], {
    encoding: "utf8",
  });
  assert.equal(stderr, "");
  assert.equal(status, 0);
  assert.match(stdout, /Four clouds, one set of calls/);
});

test("the first program fetches a page", () => {
  const { status, stdout } = run("first", ["kontakt", "/v3/device"], "kontakt");
  assert.equal(status, 0);
  assert.match(stdout, /^HTTP 200: \{.*Gateway 1/);
});

test("keyfob-token prints what it is asked for", () => {
  const token = run("keyfob-token", ["simacan"], "simacan");
  assert.deepEqual({ ...token, stdout: "" }, { status: 0, stdout: "", stderr: "" });
  assert.match(token.stdout, /^[\w.-]+\n$/);
  const header = run("keyfob-token", ["--header", "simacan"], "simacan");
  assert.match(header.stdout, /^Authorization: Bearer [\w.-]+\n$/);
  const expires = run("keyfob-token", ["--expires", "simacan"], "simacan");
  assert.ok(Number(expires.stdout) > 3500);
  const status = run("keyfob-token", ["--status", "simacan"], "simacan");
  assert.equal(JSON.parse(status.stdout).state, "fresh");
});

test("keyfob-token tells wrong arguments from no token", () => {
  const wrong = [[], ["a", "b"], ["--nothing", "kii"], ["--set", "usrname=x", "kii"], ["kiii"]];
  for (const words of wrong) {
    const { status, stderr, stdout } = run("keyfob-token", words, "kii");
    assert.deepEqual({ status, stdout }, { status: 2, stdout: "" }, words.join(" "));
    assert.match(stderr, /^keyfob-token: .*\n$/);
  }
  const { status, stderr } = run("keyfob-token", ["kii"], "kii", { password: "wrong" });
  assert.equal(status, 1);
  assert.match(stderr, /^keyfob-token: CREDENTIALS_REJECTED: .* \(retry after 60 s\)\n$/);
});

test("keyfob-token keeps its token for the next run", async () => {
  await clouds.reset();
  const [first, second] = [1, 2].map(() => run("keyfob-token", ["kii"], "kii").stdout);
  assert.equal(first, second);
  assert.deepEqual(await clouds.tokenCalls("kii"), ["login"]);
  const elsewhere = run("keyfob-token", ["--set", "store=memory", "kii"], "kii");
  assert.notEqual(elsewhere.stdout, first);
});

test("keyfob-devices says where it stopped", () => {
  const { api_url } = clouds.info.clouds.simacan;
  const devices = run("keyfob-devices", ["simacan", `${api_url}/status/500`], "simacan");
  assert.equal(devices.status, 1);
  assert.match(devices.stderr, /status\/500 answered 500\n$/);
  assert.equal(run("keyfob-devices", ["simacan"], "simacan").status, 2);
});
