// The simulated clouds as a program of their own, and clients for them.

import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "@keyfob/client";

/** The clouds that issue refresh tokens to a user with a password. */
export const FOUR = ["kontakt", "iotconnect", "kii", "simacan"];

/** The program. */
export const PROGRAM =
  process.env.KEYFOB_SIMULATOR ??
  fileURLToPath(new URL("../../../target/debug/keyfob-simulator", import.meta.url));

/** Starts the clouds; they stop with this process. */
export async function startSimulator() {
  const infoFile = join(tmpdir(), `keyfob-node-test-${process.pid}.json`);
  const program = spawn(PROGRAM, ["--info-file", infoFile, "--until-eof"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  // What it prints comes once everything listens and the file is written.
  await new Promise((resolve, reject) => {
    program.once("error", reject);
    program.stdout.once("data", resolve);
  });
  program.stdout.resume();
  const simulator = new Simulator(JSON.parse(await readFile(infoFile, "utf8")), infoFile, program);
  for (const each of [program, program.stdin, program.stdout]) each.unref();
  return simulator;
}

class Simulator {
  constructor(info, infoFile, program) {
    this.info = info;
    this.infoFile = infoFile;
    this.program = program;
  }

  stop() {
    this.program.stdin.end();
  }

  /** Has the control port do something. */
  async tell(order, body = {}) {
    const answer = await fetch(`${this.info.control_url}/${order}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${order}: ${await answer.text()}`);
  }

  async ask(what) {
    return (await fetch(`${this.info.control_url}/${what}`)).json();
  }

  reset() {
    return this.tell("reset");
  }

  inject(cloud, call, fault, more = {}) {
    return this.tell("inject", { cloud, call, fault, ...more });
  }

  /** The names and numbers of calls that arrived at a cloud. */
  async calls(cloud) {
    return (await this.ask("counts"))[cloud].calls;
  }

  /** The calls for a token that arrived at a cloud, in order. */
  async tokenCalls(cloud) {
    const journal = await this.ask(`journal?cloud=${cloud}`);
    return journal.map(({ call }) => call).filter((call) => call !== "api");
  }

  /** Options that reach a cloud and log in there. */
  options(cloud, login, more = {}) {
    const { base_url, api_url, token_url, logins } = this.info.clouds[cloud];
    return {
      base_url,
      ca_file: this.info.ca_file,
      allowed_origins: api_url,
      ...(token_url && { token_url }),
      ...logins[login ?? (cloud === "kii" ? "user" : "password")],
      ...more,
    };
  }

  /** A client of a test's, closed when the test ends. */
  client(test, cloud, more) {
    const client = new Client(cloud, this.options(cloud, undefined, more));
    test.after(() => client.close());
    return client;
  }

  /** Where a cloud lists its devices, over several pages. */
  devices(cloud) {
    const { api_url, devices_path } = this.info.clouds[cloud];
    return api_url + devices_path;
  }
}
