// Makes the calls that the conformance table orders; tests/suites/conformance/README.md has the protocol.

import { createInterface } from "node:readline";
import { Client, KeyfobError } from "@keyfob/client";

const clients = new Map();
const logins = new Map();

const calls = {
  new(name, provider, ...pairs) {
    const options = {};
    for (let i = 0; i < pairs.length; i += 2) options[pairs[i]] = pairs[i + 1];
    clients.set(name, new Client(provider, options));
  },
  async token(client, callers) {
    const calls = Array.from({ length: Number(callers) }, () => client.token());
    // Where one has failed the others still run, and would log in after the row has forgotten its client.
    await Promise.allSettled(calls);
    return Promise.all(calls);
  },
  try_token: (client) => [client.tryToken()],
  async headers(client, url) {
    const headers = await (url === undefined ? client.headers() : client.headersFor(url));
    return Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  },
  expires_in: (client) => [client.expiresIn === Infinity ? "never" : client.expiresIn],
  renew: (client) => client.renew(),
  refused: (client, token) => client.refused(token),
  is_refusal: (client, status, body) => {
    return [client.isRefusal(Number(status), Buffer.from(body)) ? 1 : 0];
  },
  set: (client, option, value) => client.set({ [option]: value }),
  forget: (client) => client.forget(),
  status: (client) => [JSON.stringify(client.status())],
  async answer_member(client, pointer) {
    const member = await client.answerMember(pointer);
    return [member === null ? 0 : 1, member ?? ""];
  },
  async request(client, method, url, body) {
    if (method !== "GET" || body !== undefined) {
      return [(await client.fetch(url, { method, body })).status, ""];
    }
    const { value } = await client.pages(url).next();
    return [value.status, value.next ?? ""];
  },
  async login_begin(client, uri) {
    const begun = uri === undefined ? client.loginBegin() : client.loginBeginBrowser(uri);
    const login = await begun;
    logins.set(client, login);
    return [login.url, login.userCode ?? ""];
  },
  login_wait: (client, ms) => client.loginWait(logins.get(client), { timeout: Number(ms) }),
  login_finish: (client, answer) => client.loginFinish(logins.get(client), answer),
  wind: (client, ms) => client.wind(Number(ms)),
  free: (client) => client.close(),
};

async function obey([call, name, ...fields]) {
  try {
    const given = await calls[call](call === "new" ? name : clients.get(name), ...fields);
    return ["OK", ...(given ?? [])];
  } catch (fault) {
    if (!(fault instanceof KeyfobError)) throw fault;
    const { code, status, providerCode, retryAfter, retriable, message } = fault;
    return [code, status ?? 0, providerCode ?? "", retryAfter ?? -1, retriable ? 1 : 0, message];
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const told = await obey(line.split("\t"));
  process.stdout.write(`${told.join("\t")}\n`);
}
