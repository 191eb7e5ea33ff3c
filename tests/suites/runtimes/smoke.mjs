// A token, a request and a body in pieces with the package of this checkout, on whatever runs this.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import process from "node:process";

const { Client } = createRequire(import.meta.url)("../../../bindings/node/dist/index.js");
// What with-simulator says of the cloud: every option by its name.
const told = Object.entries(process.env).filter(([name]) => name.startsWith("KEYFOB_") && name !== "KEYFOB_LIBRARY");
const options = Object.fromEntries(told.map(([name, value]) => [name.slice("KEYFOB_".length).toLowerCase(), value]));
const client = new Client("simacan", options);
assert.match(await client.token(), /^eyJ/);
assert.equal((await client.fetch(process.env.DEVICES)).status, 200);
const file = await client.fetch(new URL("/files/5000000", process.env.DEVICES), { stream: true });
let size = 0;
for await (const piece of file.body) size += piece.length;
assert.equal(size, 5_000_000);
await client.close();
console.log("a token, a request and a body in pieces");
