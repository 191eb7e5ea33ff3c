// For tests: the simulated clouds, and clients for them, with whichever runner there is.
//
//     import * as runner from "node:test"; // or "vitest", or "@jest/globals"
//     import { simulated } from "@keyfob/client/testing";
//
//     const cloud = simulated(runner, "kontakt");
//
//     runner.test("a dead token is replaced", async () => {
//       const client = cloud.client();
//       await client.token();
//       await cloud.killTokens();
//       assert.ok((await client.fetch(cloud.devicesUrl)).ok);
//     });

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "./client";
import type { CustomOptions, Provider } from "./options";

type Hook = (work: () => Promise<void>) => unknown;

/** What of a test runner is used. node:test has `before` and `after`, vitest and jest the longer names. */
export interface Runner {
  before?: Hook;
  beforeAll?: Hook;
  after?: Hook;
  afterAll?: Hook;
  beforeEach: Hook;
  afterEach: Hook;
}

/** Which way to log in, and further options of the clients. */
export interface SimulatedOptions extends CustomOptions {
  /** A name of `simulator.info.clouds[provider].logins`; `password` or `user` where there is one. */
  login?: string | undefined;
}

/** A request that arrived, as the journal of the simulator has it. */
export interface Arrived {
  call: string;
  [member: string]: unknown;
}

interface About {
  base_url: string;
  api_url: string;
  devices_path: string;
  token_url?: string;
  logins: Record<string, Record<string, string>>;
}

/** The running program `keyfob-simulator`. It ends with this process, at the latest. */
export class Simulator {
  /** What it says of itself: the clouds, where they listen, their logins. */
  readonly info: { control_url: string; ca_file: string; clouds: Record<string, About> };
  readonly #program: ChildProcess;
  readonly #directory: string;

  private constructor(program: ChildProcess, directory: string) {
    this.info = JSON.parse(readFileSync(join(directory, "info.json"), "utf8"));
    this.#program = program;
    this.#directory = directory;
  }

  /** Starts the program that KEYFOB_SIMULATOR names, else that of the package keyfob-simulator, else the one on the path. */
  static async start(): Promise<Simulator> {
    const named = process.env["KEYFOB_SIMULATOR"] || packaged() || "keyfob-simulator";
    const directory = mkdtempSync(join(tmpdir(), "keyfob-simulator-"));
    const told = ["--until-eof", "--info-file", join(directory, "info.json")];
    const program = spawn(named, told, { stdio: ["pipe", "pipe", "inherit"] });
    const { stdin, stdout } = program;
    await new Promise<void>((listens, fails) => {
      program.once("error", (fault: NodeJS.ErrnoException) => {
        const missing = `there is no ${named}: install it, or name it in KEYFOB_SIMULATOR`;
        fails(fault.code === "ENOENT" ? new Error(missing) : fault);
      });
      program.once("exit", (code) => fails(new Error(`${named} ended with ${code}`)));
      // What it prints comes once everything listens and the file is written.
      stdout.once("data", () => listens());
    });
    stdout.resume();
    for (const each of [program, stdin, stdout]) (each as { unref?(): void }).unref?.();
    return new Simulator(program, directory);
  }

  /** Asks the control port, or gives it an order; simulator/README.md has all of them. */
  async ask(path: string, order?: object): Promise<any> {
    const init = order === undefined ? {} : { method: "POST", body: JSON.stringify(order) };
    const answer = await fetch(`${this.info.control_url}/${path}`, init);
    if (!answer.ok) throw new Error(`keyfob-simulator: ${path}: ${await answer.text()}`);
    return answer.json();
  }

  /** One of its clouds. */
  cloud(provider: Provider, options: SimulatedOptions = {}): Cloud {
    const cloud = new Cloud(provider, options);
    cloud.simulator = this;
    return cloud;
  }

  /** Stops the program. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#program.once("exit", resolve));
    this.#program.ref();
    this.#program.stdin?.end();
    if (this.#program.exitCode === null) await ended;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** The program of the package keyfob-simulator, of which a project has a version of its own. */
function packaged(): string | undefined {
  let package_: string;
  try {
    package_ = require.resolve("keyfob-simulator", { paths: [process.cwd(), __dirname] });
  } catch {
    return undefined;
  }
  return require(package_).program();
}

/** One simulated cloud. */
export class Cloud {
  /** The provider's name, as `Client` takes it. */
  readonly provider: Provider;
  readonly #own: SimulatedOptions;
  readonly #clients = new Set<Client>();
  #simulator: Simulator | undefined;

  /** @internal */
  constructor(provider: Provider, options: SimulatedOptions) {
    this.provider = provider;
    this.#own = options;
  }

  /** The program. It runs while tests do. */
  get simulator(): Simulator {
    if (this.#simulator) return this.#simulator;
    throw new Error("keyfob-simulator does not run yet: ask inside of a test");
  }

  /** @internal */
  set simulator(simulator: Simulator | undefined) {
    this.#simulator = simulator;
  }

  get #about(): About {
    const about = this.simulator.info.clouds[this.provider];
    if (about) return about;
    throw new Error(`keyfob-simulator has no cloud ${this.provider}`);
  }

  /** The options of a client for it. */
  get options(): CustomOptions {
    const { base_url, api_url, token_url, logins } = this.#about;
    const { login, ...own } = this.#own;
    const name = login ?? ["password", "user"].find((each) => each in logins) ?? Object.keys(logins)[0];
    const credentials = logins[name ?? ""];
    if (!credentials) throw new Error(`${this.provider} has the logins ${Object.keys(logins).join(", ")}`);
    const reach = { ca_file: this.simulator.info.ca_file, base_url, allowed_origins: api_url };
    return { ...reach, ...(token_url && { token_url }), ...credentials, ...own };
  }

  /** Where its API begins. */
  get apiUrl(): string {
    return this.#about.api_url;
  }

  /** Where it lists devices. */
  get devicesUrl(): string {
    return this.#about.api_url + this.#about.devices_path;
  }

  /** A client for this cloud, closed when the test has ended. */
  client(options: CustomOptions = {}): Client {
    const client = new Client(this.provider as "custom", { ...this.options, ...options });
    this.#clients.add(client);
    return client;
  }

  /**
   * Injects a fault into the next calls: `cloud.fault("login", "status:503", { times: 1 })`. Calls are
   * `login`, `refresh` and `api`; simulator/README.md lists the faults.
   */
  async fault(call: string, fault: string, more: object = {}): Promise<void> {
    await this.order("inject", { call, fault, ...more });
  }

  /** Makes every access token one that the API refuses. */
  async killTokens(): Promise<void> {
    await this.order("revoke", { what: "access" });
  }

  /** Lets time pass, in milliseconds: at the clouds, and for the clients that were made here. */
  async wind(ms: number): Promise<void> {
    await this.simulator.ask("wind", { seconds: ms / 1000 });
    for (const client of this.#clients) client.wind(ms);
  }

  /** Gives an order that is about this cloud. */
  order(path: string, order: object = {}): Promise<any> {
    return this.simulator.ask(path, { cloud: this.provider, ...order });
  }

  /** How many calls of each name arrived. */
  async counts(): Promise<Record<string, number>> {
    return (await this.simulator.ask("counts"))[this.provider].calls;
  }

  /** The requests of this name that arrived, oldest first. */
  journal(call: string): Promise<Arrived[]> {
    return this.simulator.ask(`journal?cloud=${this.provider}&call=${call}`);
  }

  /** Closes the clients that were made here. Clients of one account share its holds while one is open. */
  async close(): Promise<void> {
    const all = [...this.#clients];
    this.#clients.clear();
    await Promise.all(all.map((client) => client.close()));
  }
}

let running: Promise<Simulator> | undefined;
let users = 0;

/**
 * A simulated cloud for the tests of a file: as after its start for each test. `runner` is what
 * `import * as runner from "node:test"` gives, or from `vitest`, or from `@jest/globals`.
 */
export function simulated(
  runner: Runner,
  provider: Provider,
  options: SimulatedOptions = {},
): Cloud {
  const cloud = new Cloud(provider, options);
  const [before, after] = [runner.beforeAll ?? runner.before, runner.afterAll ?? runner.after];
  if (!before || !after) throw new TypeError("the runner has neither `before` nor `beforeAll`");
  before(async () => {
    users += 1;
    cloud.simulator = await (running ??= Simulator.start());
  });
  runner.beforeEach(async () => {
    await cloud.simulator.ask("reset", {});
  });
  runner.afterEach(async () => {
    await cloud.close();
  });
  after(async () => {
    users -= 1;
    cloud.simulator = undefined;
    if (users > 0) return;
    const started = running;
    running = undefined;
    // Where it did not start, that was said before.
    await (await started?.catch(() => undefined))?.stop();
  });
  return cloud;
}
