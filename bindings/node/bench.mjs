// The package beside a bare koffi call and its peers, each pair in one run, as Markdown.
//
//     cargo build --release -p keyfob -p keyfob-simulator
//     node bindings/node/bench.mjs
//
// Rounds of all candidates take turns, and a figure is the median over rounds (an import's the least):
// a noisy machine is noisy to all alike, so believe the ratios more than the times.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const built = join(process.env.CARGO_TARGET_DIR ?? here("../../target"), "release");
process.env.KEYFOB_LIBRARY ??= join(built, "libkeyfob.so");
process.env.KEYFOB_SIMULATOR ??= join(built, "keyfob-simulator");

const peer = createRequire(here("peers/"));
const ROUNDS = 41;

/** What is imported, each in a process of its own, and how a token is had with it. */
const MODULES = {
  nothing: {},
  "a bare koffi": { path: here("node_modules/koffi/index.cjs") },
  "@keyfob/client": {
    path: here("dist/index.js"),
    token: ({ Client }, { login, token_url, ca_file }) => {
      return new Client("oauth2", { ...login, token_url, ca_file }).token();
    },
  },
  "google-auth-library": { peer: "google-auth-library" },
  "simple-oauth2": {
    peer: "simple-oauth2",
    token: ({ default: { ClientCredentials } }, { login, base_url, token_url }) => {
      const auth = { tokenHost: base_url, tokenPath: new URL(token_url).pathname };
      const client = { id: login.client_id, secret: login.client_secret };
      return new ClientCredentials({ client, auth }).getToken({});
    },
  },
  "openid-client": {
    peer: "openid-client",
    token: (openid, { login, base_url, token_url }) => {
      const server = { issuer: base_url, token_endpoint: token_url };
      const method = openid.ClientSecretBasic(login.client_secret);
      const configuration = new openid.Configuration(server, login.client_id, {}, method);
      return openid.clientCredentialsGrant(configuration);
    },
  },
};

const [part, ...rest] = process.argv.slice(2);
if (part === undefined) await all();
else await { calls, load }[part](...rest);

async function all() {
  for (const cwd of [here("."), here("peers/")]) {
    if (existsSync(join(cwd, "node_modules"))) continue;
    execFileSync("npm", ["ci", "--silent", "--ignore-scripts"], { cwd });
  }
  execFileSync("npm", ["run", "--silent", "build"], { cwd: here(".") });
  const { startSimulator } = await import("./test/simulator.mjs");
  const clouds = await startSimulator();
  // Node reads this variable when it starts, and the certificates exist only now.
  run("calls", [clouds.infoFile], { NODE_EXTRA_CA_CERTS: clouds.info.ca_file });
  imports(clouds.infoFile, { NODE_EXTRA_CA_CERTS: clouds.info.ca_file });
  clouds.stop();
}

function run(name, words, env = {}) {
  const { status, stdout } = spawnSync(process.execPath, ["--expose-gc", here("bench.mjs"), name, ...words], {
    env: { ...process.env, ...env },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${name} ended with ${status}`);
  if (name !== "load") process.stdout.write(stdout);
  return stdout;
}

// Calls

/** The clients of one account at the simulated OAuth 2.0 server, each with a token at hand. */
async function clients(info) {
  const { token_url, api_url, logins, base_url } = info.clouds.oauth2;
  const login = logins["client-credentials"];
  const { client_id, client_secret } = login;
  const { Client } = await import("@keyfob/client");
  const reach = { token_url, allowed_origins: api_url, ca_file: info.ca_file };
  const keyfob = new Client("oauth2", { ...login, ...reach });

  const { OAuth2Client } = peer("google-auth-library");
  const google = new OAuth2Client({ clientId: client_id, clientSecret: client_secret });
  google.setCredentials({ access_token: await keyfob.token(), expiry_date: Date.now() + 3600e3 });

  const { ClientCredentials } = peer("simple-oauth2");
  const simple = await new ClientCredentials({
    client: { id: client_id, secret: client_secret },
    auth: { tokenHost: base_url, tokenPath: new URL(token_url).pathname },
  }).getToken({});

  const openid = await import(peer.resolve("openid-client"));
  const server = { issuer: base_url, token_endpoint: token_url };
  const method = openid.ClientSecretBasic(client_secret);
  const configuration = new openid.Configuration(server, client_id, {}, method);
  const grant = await openid.clientCredentialsGrant(configuration);
  return { keyfob, google, simple, openid: { ...openid, configuration, grant } };
}

async function calls(infoFile) {
  const info = createRequire(import.meta.url)(infoFile);
  const { Client } = await import("@keyfob/client");
  for (const [cloud, login] of [["kontakt", "password"], ["simacan", "password"], ["kii", "user"]]) {
    const { base_url, logins } = info.clouds[cloud];
    const client = new Client(cloud, { ...logins[login], base_url, ca_file: info.ca_file });
    const token = await client.token();
    const bare = bareCall(token.length);
    await table(`Cached token of ${token.length} bytes (${cloud})`, 10_000, {
      "a bare koffi call": { sync: () => bare() },
      "`client.token()`": { sync: () => client.token() },
    });
    await table(`The same, awaited`, 10_000, {
      "a bare koffi call in an async function": async () => bare(),
      "`await client.token()`": () => client.token(),
    });
    await client.close();
  }
  await besidePeers(info);
}

async function besidePeers(info) {
  const { keyfob, google, simple, openid } = await clients(info);
  const token = await keyfob.token();
  const url = `${info.clouds.oauth2.api_url}/echo`;
  await table(`Cached token of ${token.length} bytes, awaited`, 10_000, {
    "`client.token()`": () => keyfob.token(),
    "google-auth-library, `getAccessToken()`": () => google.getAccessToken(),
    "simple-oauth2, `expired()` by hand": async () => {
      return simple.expired(300) ? undefined : simple.token.access_token;
    },
    "openid-client, `expiresIn()` by hand": async () => {
      return openid.grant.expiresIn() > 300 ? openid.grant.access_token : undefined;
    },
  });
  await table("Headers, awaited", 5_000, {
    "`client.headers()`": () => keyfob.headers(),
    "google-auth-library, `getRequestHeaders()`": () => google.getRequestHeaders(url),
    "simple-oauth2, by hand": async () => {
      const { token_type, access_token } = simple.expired(300) ? {} : simple.token;
      return { Authorization: `${token_type} ${access_token}` };
    },
  });
  const Authorization = `Bearer ${token}`;
  const requests = {
    "`client.fetch()`": async () => (await keyfob.fetch(url)).json(),
    "google-auth-library, `request()`": async () => (await google.request({ url })).data,
    "openid-client, `fetchProtectedResource()`": async () => {
      const { access_token } = openid.grant;
      const answer = openid.fetchProtectedResource(openid.configuration, access_token, new URL(url), "GET");
      return (await answer).json();
    },
    "`fetch` and a header, as with simple-oauth2": async () => {
      return (await fetch(url, { headers: { Authorization } })).json();
    },
  };
  await table("Authenticated GET, keep-alive, TLS", 50, requests, ["time", "processor time"]);
  await keyfob.close();
}

/** A C function that gives a string of this length, as koffi calls it. */
function bareCall(length) {
  const koffi = createRequire(import.meta.url)("koffi");
  const directory = mkdtempSync(join(tmpdir(), "keyfob-bench-"));
  const source = join(directory, "bare.c");
  writeFileSync(source, `const char *bare(void) { return "${"x".repeat(length)}"; }`);
  execFileSync("cc", ["-O2", "-shared", "-fPIC", "-o", join(directory, "bare.so"), source]);
  const call = koffi.load(join(directory, "bare.so")).func("const char *bare(void)");
  rmSync(directory, { recursive: true });
  return call;
}

/** Prints what each candidate takes by these clocks, and how often the first one's time that is. */
async function table(title, calls, candidates, clocks = ["time"]) {
  const times = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
  for (let round = -3; round < ROUNDS; round += 1) {
    for (const [name, call] of Object.entries(candidates)) {
      const time = call.sync ? timeSync(call.sync, calls) : await timeAsync(call, calls);
      if (round >= 0) times[name].push(time);
    }
  }
  const [first] = Object.values(times);
  console.log(`| ${title} | ${clocks.map((clock) => `${clock} | times the first |`).join(" ")}`);
  console.log(`|---|${"---:|---:|".repeat(clocks.length)}`);
  for (const [name, each] of Object.entries(times)) {
    const columns = clocks.map((clock) => {
      const ratio = median(each.map((time, round) => time[clock] / first[round][clock]));
      return `${shown(median(each.map((time) => time[clock])))} | ${ratio.toFixed(2)}`;
    });
    console.log(`| ${name} | ${columns.join(" | ")} |`);
  }
  console.log();
}

function timeSync(call, calls) {
  const stop = watch(calls);
  for (let i = 0; i < calls; i += 1) call();
  return stop();
}

async function timeAsync(call, calls) {
  const stop = watch(calls);
  for (let i = 0; i < calls; i += 1) await call();
  return stop();
}

/** Starts two clocks; what it gives stops them and says the nanoseconds for each call. */
function watch(calls) {
  const cpu = process.cpuUsage();
  const from = process.hrtime.bigint();
  return () => {
    const time = Number(process.hrtime.bigint() - from) / calls;
    const { user, system } = process.cpuUsage(cpu);
    return { time, "processor time": ((user + system) * 1000) / calls };
  };
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function shown(ns) {
  return ns < 10_000 ? `${ns.toFixed(0)} ns` : `${(ns / 1000).toFixed(0)} µs`;
}

// Imports

function imports(infoFile, env) {
  const seen = Object.fromEntries(Object.keys(MODULES).map((name) => [name, []]));
  for (let round = 0; round < 15; round += 1) {
    for (const name of Object.keys(MODULES)) {
      seen[name].push(JSON.parse(run("load", [name, infoFile], env)));
    }
  }
  // The least: whatever else the machine does comes on top.
  const of = (name, what) => Math.min(...seen[name].map((each) => each[what]));
  const mib = (name, what) => {
    const more = of(name, what) - of("nothing", "imported");
    return Number.isNaN(more) ? "" : `${(more / 2 ** 20).toFixed(1)} MiB`;
  };
  console.log("| Import | processor time | memory it adds | and with a token |\n|---|---:|---:|---:|");
  for (const name of Object.keys(MODULES).slice(1)) {
    const ms = of(name, "ms").toFixed(1);
    console.log(`| ${name} | ${ms} ms | ${mib(name, "imported")} | ${mib(name, "withToken") || "–"} |`);
  }
}

/** Imports one module in a fresh process, gets a token with it, and says what that took. */
async function load(name, infoFile) {
  const { peer: named, path = named && peer.resolve(named), token } = MODULES[name];
  const { oauth2 } = createRequire(import.meta.url)(infoFile).clouds;
  const { ca_file } = createRequire(import.meta.url)(infoFile);
  const from = process.cpuUsage();
  const module = path && (await import(path));
  const { user, system } = process.cpuUsage(from);
  const told = { ms: (user + system) / 1000, imported: memory() };
  if (token) {
    await token(module, { ...oauth2, ca_file, login: oauth2.logins["client-credentials"] });
    told.withToken = memory();
  }
  console.log(JSON.stringify(told));
}

function memory() {
  globalThis.gc();
  return process.memoryUsage.rss();
}
