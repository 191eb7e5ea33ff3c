#!/usr/bin/env node
// Fetches one page of an IoT cloud:  node first.mjs kontakt /v3/device
// KEYFOB_USERNAME, KEYFOB_PASSWORD_FILE, ... in the environment say who asks.

import { Client } from "@keyfob/client";

const [provider, url] = process.argv.slice(2);
const client = new Client(provider, {}, { env: "KEYFOB" });
const answer = await client.fetch(url); // logs in, renews
console.log(`HTTP ${answer.status}: ${await answer.text()}`);
await client.close();
