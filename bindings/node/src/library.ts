// The shared library: found, checked that it speaks this interface, its functions given types.

import { existsSync } from "node:fs";
import { join } from "node:path";
import koffi = require("koffi");
import { ABI_VERSION, FUNCTIONS } from "./abi";

/** An address. It has no type of its own, so it never leaves the object that owns what is there. */
export type Pointer = bigint;

/** Where a call writes a result: an array of one, filled when the call returns. */
export type Out<T> = [T | null];

interface Arguments {
  pointer: Pointer | null;
  bytes: Uint8Array;
  buffer: Uint8Array;
  text: string | null;
  bool: boolean;
  int32_t: number;
  int64_t: number;
  size_t: number;
  uint16_t: number;
  uint64_t: number | bigint;
  "out pointer": Out<Pointer> | null;
  "out owned": Out<string>;
  "out text": Out<string>;
  "out int32_t": Out<number>;
  "out int64_t": Out<number | bigint>;
  "out uint64_t": Out<number | bigint>;
  "out size_t": Out<number>;
}

interface Results {
  void: undefined;
  pointer: Pointer | null;
  bytes: Pointer | null;
  text: string | null;
  bool: boolean;
  int32_t: number;
  int64_t: number | bigint;
  uint16_t: number;
  uint32_t: number;
  uint64_t: number;
}

type Kind = keyof Arguments | keyof Results;
type Signatures = typeof FUNCTIONS;
type Tail<T> = T extends readonly [unknown, ...infer Rest] ? Rest : never;
type Taken<T> = { -readonly [I in keyof T]: T[I] extends keyof Arguments ? Arguments[T[I]] : never };
type Given<T> = T extends readonly [infer R, ...unknown[]]
  ? R extends keyof Results
    ? Results[R]
    : never
  : never;

/** Says that a call on a worker thread has returned, or why it could not be made. */
export type Done<R> = (fault: unknown, result: R) => void;

/** A C function. As `async` it runs on a worker thread, and `done` is called when it returned. */
interface Native<A extends unknown[], R> {
  (...args: A): R;
  async(...args: [...A, done: Done<R>]): void;
}

type Library = {
  readonly [F in keyof Signatures]: Native<Taken<Tail<Signatures[F]>>, Given<Signatures[F]>>;
};

/**
 * A TLS handshake takes 56 KiB of stack in a release build and 148 in a debug one, and koffi gives
 * a call on a worker thread 128. Address space, not memory: only what is touched counts.
 */
const STACK = 1 << 20;

export const path = find();
export const library: Library = load();

/** The bytes at an address, in memory of JavaScript's own. */
export function copy(bytes: Pointer, length: number): ArrayBuffer {
  return koffi.view(bytes, length).slice(0);
}

function find(): string {
  const named = process.env["KEYFOB_LIBRARY"];
  if (named) return named;
  const platform = `${process.platform}-${process.arch}${usesMusl() ? "-musl" : ""}`;
  try {
    return require.resolve(`@keyfob/client-${platform}`);
  } catch {
    // In what `npm pack` made of a checkout it lies inside.
    const files = ["libkeyfob.so", "libkeyfob.dylib", "keyfob.dll"];
    const built = files.map((file) => join(__dirname, "..", "platforms", platform, file)).find(existsSync);
    if (built) return built;
    throw new Error(
      `keyfob has no library for ${platform}: install @keyfob/client-${platform}, ` +
        "or name a libkeyfob with the environment variable KEYFOB_LIBRARY",
    );
  }
}

/** Whether the C library is musl. A report without a version of glibc says so; it names no network. */
function usesMusl(): boolean {
  if (process.platform !== "linux") return false;
  const { report } = process;
  // Node 20 up; before, and where there are no reports, glibc it is.
  if (typeof report?.getReport !== "function") return false;
  const asked = report as { excludeNetwork?: boolean };
  const before = asked.excludeNetwork;
  asked.excludeNetwork = true; // else it looks up names, and waits
  const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } };
  if (before !== undefined) asked.excludeNetwork = before;
  return header !== undefined && header.glibcVersionRuntime === undefined;
}

function load(): Library {
  growStack();
  const file = koffi.load(path);
  const found = version(file);
  if (found < ABI_VERSION) {
    throw new Error(
      `${path} has ABI version ${found}, and this package needs ${ABI_VERSION}: update the library`,
    );
  }
  const free = file.func("keyfob_string_free", "void", ["void *"]);
  const owned = koffi.disposable("str", free);
  const types: Record<Kind, koffi.TypeObject | string> = {
    pointer: "void *",
    bytes: "void *",
    buffer: "void *",
    text: "str",
    void: "void",
    bool: "bool",
    int32_t: "int32_t",
    int64_t: "int64_t",
    size_t: "size_t",
    uint16_t: "uint16_t",
    uint32_t: "uint32_t",
    uint64_t: "uint64_t",
    "out pointer": out("void *"),
    "out owned": out(owned),
    "out text": out("str"),
    "out int32_t": out("int32_t"),
    "out int64_t": out("int64_t"),
    "out uint64_t": out("uint64_t"),
    "out size_t": out("size_t"),
  };
  const functions = Object.entries(FUNCTIONS).map(([name, [result, ...taken]]) => {
    return [name, file.func(name, types[result], taken.map((kind) => types[kind]))] as const;
  });
  return Object.fromEntries(functions) as unknown as Library;
}

function growStack(): void {
  if ((koffi.config().async_stack_size ?? 0) >= STACK) return;
  try {
    koffi.config({ async_stack_size: STACK });
  } catch {
    // Somebody else has loaded a library with koffi already. A release build gets by.
  }
}

function version(file: koffi.LibraryHandle): number {
  try {
    return file.func("keyfob_abi_version", "uint32_t", [])() as number;
  } catch {
    throw new Error(`${path} is not a keyfob library`);
  }
}

function out(type: string | koffi.TypeObject): koffi.TypeObject {
  return koffi.out(koffi.pointer(type)) as unknown as koffi.TypeObject;
}
