// Has an example run with a clock that is wound by lines of seconds on standard input:
// node --import ./wound.mjs EXAMPLE

import { createInterface } from "node:readline";
import { Client } from "@keyfob/client";

const { tokens } = Client.prototype;
Client.prototype.tokens = function (...options) {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => this.wind(Number(line) * 1000));
  lines.on("close", () => process.exit(0)); // the test is over
  return tokens.apply(this, options);
};
