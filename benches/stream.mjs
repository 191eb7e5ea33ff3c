// Reads a large body piece by piece, as a program would: keyfob, or undici as Node has it (`fetch`).
//
// usage: stream.mjs WHO URL ROUNDS [CA_FILE]      prints the median seconds, and MiB above idle at most
// For undici, NODE_EXTRA_CA_CERTS names the authority.

import { readFileSync } from "node:fs";

const [who, url, rounds, ca] = process.argv.slice(2);
const base = url.slice(0, url.lastIndexOf("/"));
const anonymous = () => Number(/RssAnon:\s*(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
let get = fetch;
if (who === "keyfob") {
  const { Client } = await import(process.env.KEYFOB_PACKAGE);
  const options = { api_key: "k", base_url: base, ca_file: ca, timeout_ms: 600_000 };
  const client = new Client("kontakt", options);
  get = (of) => client.fetch(of, { stream: true });
}

async function read(of) {
  let size = 0;
  let most = 0;
  let pieces = 0;
  for await (const piece of (await get(of)).body) {
    size += piece.length;
    if (++pieces % 64 === 0) most = Math.max(most, anonymous());
  }
  return { size, most };
}

await read(`${base}/small`);
const idle = anonymous();
let most = 0;
const times = [];
for (let round = 0; round < Number(rounds); round++) {
  const began = performance.now();
  most = Math.max(most, (await read(url)).most);
  times.push((performance.now() - began) / 1000);
}
times.sort((a, b) => a - b);
console.log(JSON.stringify([who, times[Math.floor(times.length / 2)], (most - idle) / 1024]));
process.exit(0);
