// What the Node package promises where Windows differs, with a Node of Windows: the package's own library, a
// store in a folder of any name, the command's folders, news, an end with calls under way.
//
//     windows.mjs DIRECTORY     with the options of a simulated cloud in KEYFOB_*; SIM_CONTROL is there

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

// From the folder that the package is installed in, as a user's script would.
const require = createRequire(join(process.cwd(), "script.js"));
const { Client } = require("@keyfob/client");
const directory = resolve(process.argv[3]);

assert.equal(process.platform, "win32");
assert.ok(existsSync(require.resolve("@keyfob/client-win32-x64")) && !("KEYFOB_LIBRARY" in process.env));

/** Not by `fetch`, whose connections wine does not make. */
function control(path, order) {
  return new Promise((resolve, reject) => {
    const url = `http://${process.env.SIM_CONTROL}/${path}`;
    const asked = request(url, { method: order ? "POST" : "GET" }, (answer) => {
      let said = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece) => (said += piece));
      answer.on("end", () => resolve(JSON.parse(said)));
    });
    asked.on("error", reject);
    asked.end(order && JSON.stringify(order));
  });
}

async function calls(name) {
  return (await control("counts")).simacan.calls[name] ?? 0;
}

const load = (options) => new Client("simacan", options, { env: "KEYFOB" });

// Neither in the code page of a western Windows nor in its paths' own letters.
const store = { store: `file:${join(directory, "Gerät Ωμ")}` };
const tokens = new Set();
for (let i = 0; i < 2; i += 1) {
  const client = load(store);
  tokens.add(await client.token());
  assert.equal((await client.fetch(process.env.DEVICES)).status, 200);
  await client.close();
}
assert.deepEqual([tokens.size, await calls("login")], [1, 1]);
assert.ok(existsSync(join(directory, "Gerät Ωμ")));
console.log("a token is kept");

const [APPDATA, LOCALAPPDATA] = [join(directory, "Roaming"), join(directory, "Local")];
const isOption = ([name]) => name.startsWith("KEYFOB_");
const entries = Object.entries(process.env);
const options = entries.filter(isOption).map(([name, value]) => [name.slice(7).toLowerCase(), value]);
mkdirSync(join(APPDATA, "keyfob"), { recursive: true });
writeFileSync(
  join(APPDATA, "keyfob", "simacan.json"),
  JSON.stringify({ ...Object.fromEntries(options), user_agent: "Gerät" }),
);
const env = { ...Object.fromEntries(entries.filter((each) => !isOption(each))), APPDATA, LOCALAPPDATA };
const main = join(require.resolve("@keyfob/client"), "../main.js");
const said = new Set();
for (let i = 0; i < 2; i += 1) {
  const file = join(directory, `said-${i}`);
  const out = openSync(file, "w");
  const { status } = spawnSync(process.execPath, [main, "token", "simacan"], { env, stdio: ["ignore", out, out] });
  said.add(readFileSync(file, "utf8"));
  assert.equal(status, 0, [...said].join());
}
assert.deepEqual([said.size, await calls("login")], [1, 2]);
assert.ok(readdirSync(join(LOCALAPPDATA, "keyfob")).some((name) => name.startsWith("simacan-")));
console.log("the command finds its folders");

const client = load({});
const seen = new Set();
for await (const token of client.tokens()) {
  seen.add(token);
  if (seen.size === 2) break;
  await client.renew();
}
await client.close();
console.log("news arrives in the event loop");

const order = { cloud: "simacan", call: "api", fault: "stall:before-headers", times: 1 };
await control("inject", order);
const stalled = load({ timeout_ms: 60_000 });
const before = await calls("api");
stalled.fetch(process.env.DEVICES).catch(() => undefined);
while ((await calls("api")) === before) await new Promise((looks) => setTimeout(looks, 10));
process.stdout.write("it ends with a call under way\n", () => process.exit(0));
