#!/usr/bin/env node
// keyfob-token: prints an access token, or the header that carries it, for scripts on a gateway.
//
//     npm install @keyfob/client && node keyfob-token.mjs --header kontakt

import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Client, KeyfobError, OptionError } from "@keyfob/client";

const HELP = `usage: keyfob-token [options] PROVIDER

Prints an access token of an IoT cloud: a cached one, or a new one where that is needed.
Providers: kontakt, kontakt-cloud, iotconnect, kii, simacan, oauth2, custom.

what to print
  --token              the access token (the default)
  --header             the header lines that carry it: Authorization: Bearer ...
  --expires            how many seconds it lives, or \`never\`
  --status             the client's state as JSON, without a secret; also when there is no token

where options come from; later ones win
  --config FILE        a JSON object of options
  --env PREFIX         environment variables PREFIX_USERNAME, ...; PREFIX is KEYFOB unless given
  --set OPTION=VALUE   one option

Tokens are kept in $XDG_STATE_HOME/keyfob, or ~/.local/state/keyfob, where only you can read
them; --set store=file:DIRECTORY keeps them elsewhere, --set store=memory not at all.

Every user of the machine can read a command line. Give secrets through the environment, or
name a file that only you can read: --set password_file=/etc/gateway/password.

  keyfob-token --header kontakt > headers &&
      curl -H @headers https://apps-api.prod.kontakt.io/v3/device

exit status: 0 printed; 1 no token; 2 wrong arguments or options, and nothing was sent.
`;

const FAILED = 1;
const USAGE = 2;

function complain(what, code) {
  console.error(`keyfob-token: ${what}`);
  process.exitCode = code;
}

const outputs = {
  token: (client) => client.token(),
  async header(client) {
    const headers = Object.entries(await client.headers());
    return headers.map(([name, value]) => `${name}: ${value}`).join("\n");
  },
  async expires(client) {
    await client.token();
    return client.expiresIn === Infinity ? "never" : Math.floor(client.expiresIn / 1000);
  },
  async status(client) {
    try {
      await client.token();
    } finally {
      console.log(JSON.stringify(client.status()));
    }
  },
};

/** `OPTION=VALUE`; the library says what is wrong with an option that has no value. */
function setting(text) {
  const [option, ...value] = text.split("=");
  return [option, value.join("=")];
}

/** Where tokens are kept if nothing says so: a script that runs each minute must not log in each. */
function usualStore({ config, env }) {
  if (config !== undefined || process.env[`${env}_STORE`]) return undefined;
  const state = process.env.XDG_STATE_HOME || join(homedir(), ".local/state");
  return `file:${join(state, "keyfob")}`;
}

async function main(values, provider) {
  const settings = Object.fromEntries((values.set ?? []).map(setting));
  const options = { store: usualStore(values), ...settings };
  const client = new Client(provider, options, { file: values.config, env: values.env });
  const [, print] = Object.entries(outputs).findLast(([name]) => values[name]) ?? [];
  try {
    const line = await (print ?? outputs.token)(client);
    if (line !== undefined) console.log(line);
  } finally {
    await client.close();
  }
}

function words() {
  const flag = { type: "boolean" };
  const text = { type: "string" };
  return parseArgs({
    allowPositionals: true,
    options: {
      help: flag,
      ...{ token: flag, header: flag, expires: flag, status: flag },
      ...{ config: text, env: { ...text, default: "KEYFOB" }, set: { ...text, multiple: true } },
    },
  });
}

try {
  const { values, positionals } = words();
  if (values.help) process.stdout.write(HELP);
  else if (positionals.length !== 1) complain("which provider? See --help", USAGE);
  else await main(values, positionals[0]);
} catch (fault) {
  if (fault instanceof KeyfobError) {
    const wait = fault.retryAfter === undefined ? "" : ` (retry after ${Math.ceil(fault.retryAfter / 1000)} s)`;
    const code = fault instanceof OptionError ? USAGE : FAILED;
    complain(`${fault.code}: ${fault.message}${wait}`, code);
  } else if (fault.code?.startsWith("ERR_PARSE_ARGS")) {
    complain(`${fault.message}; see --help`, USAGE);
  } else {
    throw fault;
  }
}
