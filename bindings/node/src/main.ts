#!/usr/bin/env node
// The command `keyfob` of the package: tokens and headers for scripts, where the program `keyfob` is not
// installed. It takes the same words, finds the same options and tokens, and ends with the same exit
// statuses; requests are the program's alone.

import { existsSync, readFileSync, statSync } from "node:fs";
import { userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { parseArgs } from "node:util";
import { Client } from "./client";
import { type Code, KeyfobError } from "./errors";
import type { CustomOptions, Provider } from "./options";
import { version } from "./status";

const ABOUT = `\
usage: keyfob [option ...] COMMAND PROVIDER

Prints an access token of an IoT cloud, or what carries it; renews it first where that is needed.

  token PROVIDER             the access token
  header PROVIDER            the header lines that carry it
  headers-for PROVIDER URL   all that a request to this URL needs
  status PROVIDER            the client's state as JSON, without a secret; sends nothing
  forget PROVIDER            forgets tokens and holds

  --config FILE       a JSON object of options, and no other file
  --env PREFIX        PREFIX_USERNAME, ...; KEYFOB unless told
  --set OPTION=VALUE  any option, as often as wanted
  --store DIRECTORY   where tokens are kept, or \`memory\`
  --timeout SECONDS   the longest it takes
  --json              errors as JSON
  -v, --verbose       say what happens
  -q, --quiet         say nothing of errors
  -h, --help; --version

Options come from /etc/keyfob/PROVIDER.json, ~/.config/keyfob/PROVIDER.json (on Windows from
PROVIDER.json in keyfob in the folder that APPDATA names), the environment
(KEYFOB_USERNAME, KEYFOB_PASSWORD_FILE, ...) and --set; later ones win. Every user of the machine
can read a command line: name files with secrets, such as --set password_file=/etc/gateway/password.

exit status: 0 done; 64 wrong arguments; 69 the cloud did not answer with what was asked for; 75 try
again later; 77 a person is needed; 78 wrong options, and nothing was sent.
`;

/** As sysexits.h has them; what is in none of these is 69. */
const EXIT: Record<number, Code[]> = {
  64: ["NULL_ARGUMENT", "INVALID_UTF8", "INVALID_ARGUMENT"],
  70: ["PANIC"],
  75: [
    "LOGIN_ON_HOLD",
    "NETWORK",
    "TIMEOUT",
    "RATE_LIMITED",
    "SERVER_ERROR",
    "WOULD_BLOCK",
    "CANCELLED",
  ],
  77: ["CREDENTIALS_REJECTED", "LOGIN_REQUIRED", "LOGIN_DENIED", "LOGIN_EXPIRED"],
  78: [
    "UNKNOWN_OPTION",
    "INVALID_OPTION",
    "MISSING_OPTION",
    "UNKNOWN_PROVIDER",
    "INVALID_PROFILE",
    "INSECURE_URL",
    "FOREIGN_ORIGIN",
  ],
};

const COMMANDS = ["token", "header", "headers-for", "status", "forget"];

/** What ends the command before anything is sent. */
class Unusable extends Error {
  readonly exit: number;

  constructor(message: string, exit: number) {
    super(message);
    this.exit = exit;
  }
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        config: { type: "string" },
        env: { type: "string", default: "KEYFOB" },
        set: { type: "string", multiple: true, default: [] },
        store: { type: "string" },
        timeout: { type: "string" },
        json: { type: "boolean", default: false },
        verbose: { type: "boolean", short: "v", default: false },
        quiet: { type: "boolean", short: "q", default: false },
        help: { type: "boolean", short: "h", default: false },
        version: { type: "boolean", default: false },
      },
    });
  } catch (fault) {
    throw new Unusable(`${(fault as Error).message}; see keyfob --help`, 64);
  }
}

type Given = ReturnType<typeof parsed>["values"];

/** What the files and the command line say, and where tokens are kept if nothing else does. */
function options(provider: string, given: Given): CustomOptions {
  const usual = () => usualPlaces().map((each) => join(each, `${provider}.json`));
  const files = given.config ? [given.config] : usual();
  const found: CustomOptions = {};
  for (const file of files) if (given.config || existsSync(file)) Object.assign(found, read(file));
  const prefix = `${given.env}_`;
  const isSet = (name: string) => !!process.env[prefix + name.toUpperCase()];
  // The library has the say on the environment, which comes after files and before the rest.
  const taken: CustomOptions = Object.fromEntries(
    Object.entries(found).filter(([name]) => !isSet(name)),
  );
  for (const each of given.set) {
    const [name = "", ...value] = each.split("=");
    if (value.length === 0) throw new Unusable(`--set ${name} has no =VALUE; see keyfob --help`, 64);
    taken[name] = value.join("=");
  }
  if (given.store !== undefined) {
    const isPath = given.store.startsWith(".") || isAbsolute(given.store);
    taken["store"] = isPath ? `file:${given.store}` : given.store;
  }
  if (given.timeout !== undefined) {
    const ms = Math.round(Number(given.timeout) * 1000);
    if (!(ms > 0)) throw new Unusable("--timeout takes seconds; see keyfob --help", 64);
    taken["timeout_ms"] = ms;
  }
  if (taken["store"] === undefined && !isSet("store")) taken["store"] = usualStore();
  return taken;
}

function read(file: string): object {
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(file, "utf8"));
  } catch (fault) {
    // What JSON.parse says quotes the file, which may hold a secret.
    const why = fault instanceof SyntaxError ? "not JSON" : (fault as Error).message;
    throw new Unusable(`${file}: ${why}`, 78);
  }
  if (typeof found === "object" && found !== null && !Array.isArray(found)) return found;
  throw new Unusable(`${file}: not a JSON object of options`, 78);
}

/** Where files of options are looked for: the machine's, then the user's. */
function usualPlaces(): string[] {
  if (process.platform === "win32") {
    // Whatever a machine has for all users there, each of them may write to.
    const own = process.env["APPDATA"] ?? "";
    return isAbsolute(own) ? [join(own, "keyfob")] : [];
  }
  const [own, home] = [process.env["XDG_CONFIG_HOME"] ?? "", ownHome()];
  if (isAbsolute(own)) return ["/etc/keyfob", join(own, "keyfob")];
  return home ? ["/etc/keyfob", join(home, ".config/keyfob")] : ["/etc/keyfob"];
}

/**
 * This user's home. Under sudo, HOME is often somebody else's, and files that are made there would be in
 * its owner's way.
 */
function ownHome(): string | undefined {
  const isOwn = (home: string | undefined): home is string => {
    if (!home || home === "/" || !isAbsolute(home)) return false;
    const about = statSync(home, { throwIfNoEntry: false });
    return !!about?.isDirectory() && about.uid === process.geteuid?.();
  };
  const home = process.env["HOME"];
  if (isOwn(home)) return home;
  try {
    const entry = userInfo().homedir;
    return isOwn(entry) ? entry : undefined;
  } catch {
    return undefined;
  }
}

/** Where tokens are kept from one run to the next, so that what runs each minute does not log in each minute. */
function usualStore(): string {
  if (process.platform === "win32") {
    const own = process.env["LOCALAPPDATA"] ?? "";
    if (isAbsolute(own)) return `file:${join(own, "keyfob")}`;
  } else {
    const service = (process.env["STATE_DIRECTORY"] ?? "").split(":")[0] ?? "";
    const [state, home] = [process.env["XDG_STATE_HOME"] ?? "", ownHome()];
    if (isAbsolute(service)) return `file:${service}`;
    if (isAbsolute(state)) return `file:${state}/keyfob`;
    if (home) return `file:${home}/.local/state/keyfob`;
    if (process.geteuid?.() === 0) return "file:/var/lib/keyfob";
  }
  throw new Unusable(
    "this user has no home to keep tokens in; name a directory with --store DIRECTORY, or keep" +
      " nothing between runs with --store memory",
    78,
  );
}

async function run(client: Client, command: string, url: string | undefined, quiet: boolean) {
  if (command === "token") return client.token();
  if (command === "status") return JSON.stringify(client.status());
  if (command === "forget") {
    await client.forget();
    const failed = client.status().not_revoked;
    if (failed && !quiet) {
      console.error(`keyfob: forgotten, but not revoked at the cloud: ${failed.message}`);
    }
    return "";
  }
  const headers = url === undefined ? await client.headers() : await client.headersFor(url);
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n");
}

/** Says why it failed, and gives the exit status. */
function complain(error: KeyfobError, { json, quiet }: Given): number {
  const wait = error.retryAfter === undefined ? undefined : Math.ceil(error.retryAfter / 1000);
  if (json) {
    const about = {
      status: error.code,
      message: error.message,
      http_status: error.status,
      provider_code: error.providerCode,
      provider_message: error.providerMessage,
      retry_after_s: wait,
    };
    console.error(JSON.stringify(about));
  } else if (!quiet) {
    const later = wait === undefined ? "" : ` (retry after ${wait} s)`;
    console.error(`keyfob: ${error.code}: ${error.message}${later}`);
  }
  const known = Object.entries(EXIT).find(([, codes]) => codes.includes(error.code));
  return known ? Number(known[0]) : 69;
}

async function main(args: string[]): Promise<number> {
  let given: Given | undefined;
  try {
    const { values, positionals } = parsed(args);
    given = values;
    if (values.help) return say(ABOUT.trimEnd());
    if (values.version) return say(`keyfob ${version}`);
    const [command, provider, url, ...more] = positionals;
    if (command === undefined || !COMMANDS.includes(command)) {
      throw new Unusable("what to do is one of " + `${COMMANDS.join(", ")}; see keyfob --help`, 64);
    }
    if (provider === undefined || more.length > 0 || (command === "headers-for") !== (url !== undefined)) {
      const takes = command === "headers-for" ? "PROVIDER URL" : "PROVIDER";
      throw new Unusable(`keyfob ${command} takes ${takes}; see keyfob --help`, 64);
    }
    const { env, verbose } = values;
    const from = { env, log: verbose ? ("debug" as const) : undefined };
    const client = new Client(provider as Provider, options(provider, values), from);
    try {
      if (verbose) client.events.on("log", (level, line) => console.error(`keyfob: ${level}: ${line}`));
      return say(await run(client, command, url, values.quiet));
    } finally {
      await client.close();
    }
  } catch (fault) {
    if (fault instanceof KeyfobError) return complain(fault, given as Given);
    if (!(fault instanceof Unusable)) throw fault;
    if (!given?.quiet) console.error(`keyfob: ${fault.message}`);
    return fault.exit;
  }
}

function say(text: string): number {
  if (text !== "") process.stdout.write(`${text}\n`);
  return 0;
}

// Whoever reads may have gone: 74, input or output.
process.stdout.on("error", () => process.exit(74));
void main(process.argv.slice(2)).then((code) => (process.exitCode = code));
