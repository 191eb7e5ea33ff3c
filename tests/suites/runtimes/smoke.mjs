// A token and a request with the package of this checkout, on whatever runs this.

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
await client.close();
console.log("a token and a request");
