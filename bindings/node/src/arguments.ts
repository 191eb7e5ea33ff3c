// Arguments on their way to C, which believes what it is told. TypeScript has checked their types, and
// JavaScript has not.

import { ArgumentError } from "./errors";

function wrong(what: string, wanted: string, value: unknown): ArgumentError {
  const is = value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
  return new ArgumentError("INVALID_ARGUMENT", `${what} must be ${wanted}, not ${is}`);
}

/** A text for C, where it would end at a NUL. */
export function text(value: unknown, what: string): string {
  if (typeof value !== "string") throw wrong(what, "a text", value);
  if (!value.includes("\0")) return value;
  throw new ArgumentError("INVALID_ARGUMENT", `${what} has a NUL character`);
}

/** A URL, or an object that stands for one. */
export function url(value: unknown): string {
  const isObject = typeof value === "object" && value !== null;
  return text(isObject ? String(value) : value, "url");
}

/** Bytes, or a text as UTF-8. */
export function octets(value: unknown, what: string): Uint8Array {
  if (typeof value === "string") return Buffer.from(value);
  // Not by its class: a test runner may have others than Node.
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  throw wrong(what, "a text or a Uint8Array", value);
}

/** A number from `least` to `most`. */
export function number(value: unknown, what: string, least: number, most: number): number {
  if (typeof value === "number" && value >= least && value <= most) return value;
  if (typeof value !== "number") throw wrong(what, "a number", value);
  throw new ArgumentError("INVALID_ARGUMENT", `${what} must be from ${least} to ${most}, not ${value}`);
}

/** One of these words. */
export function choice(value: unknown, what: string, words: readonly string[]): void {
  if (!words.includes(value as string)) throw wrong(what, words.map((word) => `"${word}"`).join(" or "), value);
}

/** What can be called. */
export function callable(value: unknown, what: string): void {
  if (typeof value !== "function") throw wrong(what, "a function", value);
}

/** An object of options; none is one without any. */
export function members<T extends object>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) return {} as T;
  if (typeof value === "object") return value;
  throw wrong(what, "an object", value);
}

/** A signal, if there is one. */
export function aborting(value: unknown): AbortSignal | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "object" && "aborted" in value && "addEventListener" in value) {
    return value as AbortSignal;
  }
  throw wrong("signal", "an AbortSignal", value);
}

/** JSON for C. */
export function json(value: unknown, what: string): string {
  try {
    const made = JSON.stringify(value);
    if (typeof made === "string") return made;
  } catch (fault) {
    throw new ArgumentError("INVALID_ARGUMENT", `${what}: ${(fault as Error).message.split("\n")[0]}`);
  }
  throw wrong(what, "what JSON can hold", value);
}

/** Does what fails with a `TypeError` where an argument is wrong. */
export function checked<T>(work: () => T): T {
  try {
    return work();
  } catch (fault) {
    if ((fault as Error)?.name !== "TypeError") throw fault;
    throw new ArgumentError("INVALID_ARGUMENT", (fault as Error).message.replaceAll(/\s+/g, " "));
  }
}
