// What `npm pack` of a checkout needs: the package, and the library inside it. The library is the one that
// KEYFOB_LIBRARY names, else cargo builds it. Before packing and not at installation, where npm warns of scripts; but
// for who installs a checkout's directory.

import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");

// `npm install DIRECTORY` makes a link to this one and calls `prepare`. So does `npm ci` of whoever works here, who
// has no use for a release, and `npm pack`, for which it is made already.
if (process.argv[2] === "linked" && resolve(process.env.INIT_CWD ?? here) === here) process.exit(0);

function run(program, words, cwd) {
  execFileSync(program, words, { cwd, stdio: "inherit", shell: process.platform === "win32" });
}

if (!existsSync(join(here, "node_modules/typescript")) || !existsSync(join(here, "node_modules/koffi"))) {
  run("npm", ["ci", "--silent", "--ignore-scripts"], here);
}
run("npm", ["run", "--silent", "build"], here);

const { KEYFOB_LIBRARY: named, CARGO_TARGET_DIR: target = join(root, "target") } = process.env;
const file = { darwin: "libkeyfob.dylib", win32: "keyfob.dll" }[process.platform] ?? "libkeyfob.so";
if (!named) {
  // As in the released package: the store on Redis, and no log of ureq's.
  const words = ["rustc", "--quiet", "--lib", "--release", "--features", "capi,redis", "--crate-type=cdylib"];
  try {
    run("cargo", words, root);
  } catch (fault) {
    if (fault.code !== "ENOENT") throw fault;
    console.error("keyfob is built by cargo, which is not here: install Rust 1.85 or newer, or name a built");
    console.error("library with KEYFOB_LIBRARY");
    process.exit(1);
  }
}
const musl = process.platform === "linux" && !process.report.getReport().header.glibcVersionRuntime;
const platform = join(here, "platforms", `${process.platform}-${process.arch}${musl ? "-musl" : ""}`);
mkdirSync(platform, { recursive: true });
const library = resolve(named || join(resolve(root, target), "release", file));
try {
  // Half of it is symbols.
  const words = process.platform === "darwin" ? ["-x"] : [];
  execFileSync("strip", [...words, "-o", join(platform, file), library], { stdio: "ignore" });
} catch {
  copyFileSync(library, join(platform, file));
}
