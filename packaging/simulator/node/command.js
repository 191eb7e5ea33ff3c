#!/usr/bin/env node
"use strict";

const { spawn } = require("node:child_process");
const { program } = require("./index.js");

const running = spawn(program(), process.argv.slice(2), { stdio: "inherit" });
// Ctrl-C reaches both; this one waits for the other, which cleans up. What comes to this one alone is passed on.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => running.kill("SIGTERM"));
running.on("error", (fault) => {
  console.error(`keyfob-simulator: ${fault.message}`);
  process.exitCode = 1;
});
running.on("exit", (code) => {
  process.exitCode = code ?? 128;
});
