// The package for a program that means a real cloud: its clients reach the simulated one.

import { readFileSync } from "node:fs";
import { Client as RealClient } from "@keyfob/client";

export * from "@keyfob/client";

const info = JSON.parse(readFileSync(process.env.SIMULATOR_INFO, "utf8"));

export class Client extends RealClient {
  constructor(provider, options, from) {
    const { base_url, api_url } = info.clouds[provider];
    const reach = { base_url, allowed_origins: api_url, ca_file: info.ca_file };
    super(provider, { ...reach, ...options }, from);
  }
}
