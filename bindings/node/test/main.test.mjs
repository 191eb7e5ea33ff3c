// The command `keyfob` of the package: the program's words, options, tokens and exit statuses.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startSimulator } from "./simulator.mjs";

const clouds = await startSimulator();
const directory = mkdtempSync(join(tmpdir(), "keyfob-node-test-"));
after(() => clouds.stop());
after(() => rmSync(directory, { recursive: true }));
beforeEach(() => clouds.reset());

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));

/** Runs the command as a user of simacan. */
function keyfob(words, more = {}, env = {}) {
  const options = clouds.options("simacan", undefined, more);
  const named = Object.entries(options).map(([key, value]) => [`KEYFOB_${key.toUpperCase()}`, value]);
  const { KEYFOB_LIBRARY, PATH } = process.env;
  const own = { KEYFOB_LIBRARY, PATH, XDG_STATE_HOME: directory, XDG_CONFIG_HOME: directory };
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], {
    encoding: "utf8",
    env: { ...own, ...Object.fromEntries(named), ...env },
  });
  return { status, stdout, stderr };
}

test("keyfob prints what it is asked for, and keeps the token", async () => {
  const token = keyfob(["token", "simacan"]);
  assert.deepEqual({ ...token, stdout: "" }, { status: 0, stdout: "", stderr: "" });
  assert.match(token.stdout, /^[\w.-]+\n$/);
  assert.equal(keyfob(["header", "simacan"]).stdout, `Authorization: Bearer ${token.stdout}`);
  const url = clouds.devices("simacan");
  assert.match(keyfob(["headers-for", "simacan", url]).stdout, /^Authorization: Bearer /m);
  assert.equal(JSON.parse(keyfob(["status", "simacan"]).stdout).state, "fresh");
  assert.deepEqual(await clouds.tokenCalls("simacan"), ["login"]);
  assert.deepEqual(keyfob(["forget", "simacan"]), { status: 0, stdout: "", stderr: "" });
  assert.equal(JSON.parse(keyfob(["status", "simacan"]).stdout).state, "none");
});

test("keyfob ends as the program does", () => {
  const statuses = [
    [64, ["token"]],
    [64, ["tokn", "simacan"]],
    [64, ["headers-for", "simacan"]],
    [64, ["token", "simacan", "--timeout", "soon"]],
    [64, ["token", "simacan", "--no-such"]],
    [77, ["token", "simacan", "--set", "password=wrong", "--store", "memory"]],
    [78, ["token", "simacn"]],
    [78, ["token", "simacan", "--set", "usrname=x"]],
    [78, ["headers-for", "simacan", "https://example.com/"]],
    [75, ["token", "simacan", "--store", "memory", "--set", "base_url=https://127.0.0.1:1"]],
  ];
  for (const [status, words] of statuses) {
    const told = keyfob(words);
    assert.equal(told.status, status, `${words.join(" ")}: ${told.stderr}`);
    assert.equal(told.stdout, "");
    assert.match(told.stderr, /^keyfob: [^\n]+\n$/);
  }
  const held = keyfob(["token", "simacan", "--json"], { password: "wrong" });
  assert.equal(JSON.parse(held.stderr).status, "CREDENTIALS_REJECTED");
  const hushed = keyfob(["token", "simacan", "-q"], { password: "wrong" });
  assert.deepEqual(hushed, { status: 75, stdout: "", stderr: "" });
});

test("keyfob finds options in files, and says no secret of them", () => {
  const file = join(directory, "options.json");
  writeFileSync(file, JSON.stringify(clouds.options("simacan")));
  const bare = Object.fromEntries(Object.keys(clouds.options("simacan")).map((key) => [key, ""]));
  const words = ["token", "simacan", "--config", file, "--store", "memory", "-v"];
  const { status, stdout, stderr } = keyfob(words, bare);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^keyfob: info: /m);
  assert.ok(!stderr.includes(stdout.trim()));
  writeFileSync(file, '{"password": "correct horse');
  const broken = keyfob(words, bare);
  assert.equal(broken.status, 78);
  assert.doesNotMatch(broken.stderr, /correct/);
});
