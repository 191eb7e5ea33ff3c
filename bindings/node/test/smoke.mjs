// The installed package, from ESM and CommonJS: a token and a request.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { Client } from "@keyfob/client";
import { startSimulator } from "./simulator.mjs";

const clouds = await startSimulator();
const required = createRequire(import.meta.url)("./smoke.cjs");
for (const Class of [Client, required.Client]) {
  const client = new Class("simacan", clouds.options("simacan"));
  assert.equal((await client.fetch(clouds.devices("simacan"))).status, 200);
  assert.equal(typeof (await client.token()), "string");
  await client.close();
}
clouds.stop();
console.log("installed: import and require, a token and a request each");
