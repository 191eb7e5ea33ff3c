// npm's oidc-provider as an authorization server, with a control endpoint beside it. Prints its address.
// Run from the directory where the package is installed.

import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.cwd()}/`);
const { Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));

// What the control endpoint changes: clients, and nothing else.
const clients = new Map();
const stored = new Map();

class Adapter {
  constructor(model) {
    this.model = model;
  }
  key(id) {
    return `${this.model}:${id}`;
  }
  async upsert(id, payload, expiresIn) {
    stored.set(this.key(id), { ...payload, until: Date.now() + expiresIn * 1000 });
  }
  async find(id) {
    if (this.model === "Client") return clients.get(id);
    return stored.get(this.key(id));
  }
  async findBy(member, value) {
    for (const [key, payload] of stored) {
      if (key.startsWith(`${this.model}:`) && payload[member] === value) return payload;
    }
    return undefined;
  }
  findByUid(uid) {
    return this.findBy("uid", uid);
  }
  findByUserCode(code) {
    return this.findBy("userCode", code);
  }
  async consume(id) {
    const payload = stored.get(this.key(id));
    if (payload) payload.consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id) {
    stored.delete(this.key(id));
  }
  async revokeByGrantId(grantId) {
    for (const [key, payload] of stored) if (payload.grantId === grantId) stored.delete(key);
  }
}

const http = createServer();
await new Promise((listening) => http.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${http.address().port}`;

// Where clients show a certificate: any, since one that signs itself is known by its key.
const { TLS_CERT, TLS_KEY, TLS_CLIENT_CA } = process.env;
const https = createTlsServer({
  cert: readFileSync(TLS_CERT),
  key: readFileSync(TLS_KEY),
  ca: readFileSync(TLS_CLIENT_CA),
  requestCert: true,
  rejectUnauthorized: false,
});
await new Promise((listening) => https.listen(0, "127.0.0.1", listening));
const mtls = `https://127.0.0.1:${https.address().port}`;

const provider = new Provider(issuer, {
  adapter: Adapter,
  scopes: ["openid", "offline_access"],
  discovery: { mtls_endpoint_aliases: { token_endpoint: `${mtls}/token` } },
  features: {
    mTLS: {
      enabled: true,
      selfSignedTlsClientAuth: true,
      tlsClientAuth: true,
      getCertificate: (ctx) => ctx.socket.getPeerX509Certificate?.(),
      certificateAuthorized: (ctx) => ctx.socket.authorized,
      certificateSubjectMatches: (ctx, _property, expected) =>
        ctx.socket.getPeerX509Certificate().subject === expected,
    },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
    userinfo: { enabled: true },
    devInteractions: { enabled: true },
  },
  clientAuthMethods: [
    "none",
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
  ],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed("refresh_token"),
  ttl: {
    AccessToken: (_ctx, _token, client) => lifetime(client),
    ClientCredentials: (_ctx, _token, client) => lifetime(client),
    DeviceCode: 120,
  },
});

function lifetime(client) {
  const found = /(\d+)s$/.exec(client.clientName ?? "");
  return found ? Number(found[1]) : 3600;
}

const handle = provider.callback();
https.on("request", handle);
http.on("request", async (request, response) => {
  if (request.url !== "/control") return handle(request, response);
  let body = "";
  for await (const chunk of request) body += chunk;
  const { put, remove } = JSON.parse(body);
  if (put) clients.set(put.client_id, put);
  if (remove) clients.delete(remove);
  response.end("{}");
});
console.log(issuer);
process.stdin.resume();
process.stdin.on("end", () => process.exit());
