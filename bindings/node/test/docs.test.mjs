// The page of this language: every program on it runs as it stands there.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { providers } from "@keyfob/client";
import { startSimulator } from "./simulator.mjs";

const clouds = await startSimulator();
const directory = mkdtempSync(join(tmpdir(), "keyfob-node-test-"));
after(() => clouds.stop());
after(() => rmSync(directory, { recursive: true }));
beforeEach(() => clouds.reset());

const page = readFileSync(new URL("../../../docs/node.md", import.meta.url), "utf8");
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** The blocks of a language, each with the heading it stands under. */
function blocks(text, language) {
  const found = [];
  let heading;
  for (const [, title, kind, code] of text.matchAll(/^#+ ([^\n]*)$|^```(\w+)\n(.*?)^```$/gms)) {
    heading = title ?? heading;
    if (kind === language) found.push([heading, code]);
  }
  return found;
}

/** A block as a program: with the client and the import that the page says it has. */
function program(code) {
  const imports = /^import .*\bClient\b.* from/m.test(code);
  const imported = imports ? "" : `import { Client } from "@keyfob/client";\n`;
  if (/^const client = /m.test(code)) return `${imported}${code}\nawait client.close();\n`;
  const made = `const client = new Client("kontakt", {}, { env: "KEYFOB" });\n`;
  return `${imported}${made}${code}\nawait client.close();\n`;
}

/** Runs a program on a machine where the clouds are simulated and the files are in `directory`. */
function run(code) {
  writeFileSync(join(directory, "password"), "correct horse\n");
  const { kontakt, simacan } = clouds.info.clouds;
  const here = code
    .replace('from "@keyfob/client"', 'from "./simulated-client.mjs"')
    .replaceAll("https://apps-api.prod.kontakt.io", kontakt.api_url)
    .replaceAll("https://api.simacan.com", simacan.api_url)
    .replaceAll(/\/etc\/gateway|\/var\/lib\/gateway/g, directory)
    .replaceAll('username: "gateway"', 'username: "gateway@example.com"');
  return spawnSync(process.execPath, ["--input-type=module", "--eval", here], {
    cwd: new URL(".", import.meta.url),
    encoding: "utf8",
    env: {
      ...process.env,
      NODE_EXTRA_CA_CERTS: clouds.info.ca_file,
      SIMULATOR_INFO: clouds.infoFile,
      KEYFOB_USERNAME: "gateway@example.com",
      KEYFOB_PASSWORD: "correct horse",
    },
  });
}

const programs = [...blocks(page, "js"), ...blocks(readme, "js")];
for (const [number, [heading, code]] of programs.entries()) {
  test(`program ${number + 1} runs: ${heading}`, () => {
    const { status, stderr, stdout } = run(program(code));
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    assert.doesNotMatch(stdout, /undefined|the API says|^false|^true false/m);
    assert.notEqual(stdout, "");
  });
}

test("the programs are found", () => {
  assert.ok(programs.length >= 9);
});

const others = blocks(page, "js").filter(([heading]) => heading.startsWith("Through fetch, "));
for (const [, code] of others) {
  const how = code.match(/^import .* from "(\w+)";$/m)?.[1] ?? (code.includes("wrapFetch") ? "fetch" : "another");
  test(`a refused token is replaced in the program: ${how}`, async () => {
    await clouds.inject("kontakt", "api", "status:401", { times: 1 });
    const { status, stdout, stderr } = run(program(code));
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    assert.match(stdout, /^(200|[1-9]\d*)\b/);
    assert.deepEqual(await clouds.calls("kontakt"), { login: 1, refresh: 1, api: 2 });
  });
}

test("the test on the page passes", () => {
  const [[, code]] = blocks(page, "mjs");
  const file = join(new URL(".", import.meta.url).pathname, `page-${process.pid}.mjs`);
  writeFileSync(file, code);
  try {
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8", env });
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" }, stdout);
    assert.match(stdout, /^# pass 1$/m);
  } finally {
    rmSync(file);
  }
});

test("the configuration of PM2 sets options that exist", () => {
  const [, code] = blocks(page, "cjs").find(([heading]) => heading === "In production");
  const path = join(directory, "ecosystem.config.cjs");
  writeFileSync(path, code);
  const { apps } = createRequire(import.meta.url)(path);
  for (const { env } of apps) checkEnvironment(Object.keys(env));
});

test("the systemd unit sets options that there are", () => {
  const [[, unit]] = blocks(page, "ini");
  checkEnvironment([...unit.matchAll(/^Environment=(\w+)=/gm)].map(([, name]) => name));
});

function checkEnvironment(names) {
  const known = providers().options.flatMap(({ name }) => [name, `${name}_file`]);
  const set = names.filter((name) => name.startsWith("KEYFOB_"));
  assert.notEqual(set.length, 0);
  for (const name of set) assert.ok(known.includes(name.slice(7).toLowerCase()), name);
}
