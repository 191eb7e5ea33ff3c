#!/usr/bin/env node
// keyfob-story: one client that stays, told line by line what to do. It shows what happens to a
// program that outlives its tokens, without waiting for them to age: examples/demo drives it.
//
// Options come from the environment, as for keyfob-devices. On standard input, a line each:
//
//     token           asks for a token and says how long it lives
//     get URL         sends a request
//     wind SECONDS    lets time pass on the client's clock
//     status          prints the client's state

import { createInterface } from "node:readline";
import { Client, KeyfobError } from "@keyfob/client";

const orders = {
  async token(client) {
    await client.token();
    const seconds = Math.ceil(client.expiresIn / 1000);
    return seconds === Infinity ? "a token that never expires" : `a token for ${seconds} s`;
  },
  get: async (client, url) => `HTTP ${(await client.fetch(url)).status}`,
  async wind(client, seconds) {
    client.wind(Number(seconds) * 1000);
    return "later";
  },
  status: async (client) => JSON.stringify(client.status()),
};

/** Every order is answered with one line, so that whoever drives this can wait for it. */
async function answer(client, line) {
  const [order, argument] = line.split(" ");
  try {
    return (await orders[order]?.(client, argument)) ?? "not an order";
  } catch (fault) {
    if (fault instanceof KeyfobError) return `${fault.code}: ${fault.message}`;
    throw fault;
  }
}

const [provider] = process.argv.slice(2);
const client = new Client(provider, {}, { env: "KEYFOB" });
for await (const line of createInterface({ input: process.stdin })) {
  console.log(await answer(client, line));
}
await client.close();
