#!/usr/bin/env node
// keyfob-devices: lists the devices of an account, page by page, whatever the cloud.
//
//     npm install @keyfob/client && node keyfob-devices.mjs kontakt
//
// Each cloud says in its own way where the next page is; pages() reads all of them.

import { Client, KeyfobError, OptionError } from "@keyfob/client";

const HELP = `usage: keyfob-devices PROVIDER [URL]

Prints the name of each device, a line each. Options come from the environment:
KEYFOB_USERNAME, KEYFOB_PASSWORD_FILE, KEYFOB_ENVIRONMENT, ... URL is where the list begins:
absolute, or relative to the cloud's base URL. It may be left out for kontakt, for kii, and for
iotconnect with an environment.

exit status: 0 all pages were read; 1 not all; 2 wrong arguments or options.
`;

const FAILED = 1;
const USAGE = 2;

function complain(what, code) {
  console.error(`keyfob-devices: ${what}`);
  process.exitCode = code;
}

/** Where a cloud lists its devices; undefined where the caller has to say. */
function usualUrl(provider) {
  const app = process.env.KEYFOB_APP_ID;
  return {
    kontakt: "/v3/device",
    iotconnect: "{deviceBaseUrl}/Device",
    kii: app && `/api/apps/${app}/things`,
  }[provider];
}

/** The name of every device in a page, wherever the cloud's JSON has its list. */
function* names(value) {
  if (value === null || typeof value !== "object") return;
  if (typeof value.name === "string") yield value.name;
  for (const member of Object.values(value)) yield* names(member);
}

async function list(client, url) {
  for await (const page of client.pages(url)) {
    if (page.status !== 200) return complain(`${url} answered ${page.status}`, FAILED);
    for (const name of names(await page.json())) console.log(name);
  }
}

async function main([provider, url]) {
  const from = url ?? usualUrl(provider);
  if (!from) return complain(`where does ${provider} list devices? Give a URL`, USAGE);
  const client = new Client(provider, {}, { env: "KEYFOB" });
  try {
    await list(client, from);
  } finally {
    await client.close();
  }
}

const words = process.argv.slice(2);
if (words[0] === "--help") {
  process.stdout.write(HELP);
} else if (words.length < 1 || words.length > 2 || words[0].startsWith("-")) {
  complain("which provider? See keyfob-devices --help", USAGE);
} else {
  await main(words).catch((fault) => {
    if (!(fault instanceof KeyfobError)) throw fault;
    complain(`${fault.code}: ${fault.message}`, fault instanceof OptionError ? USAGE : FAILED);
  });
}
