// How long bodies are read on JavaScript's own thread before everything else has its turn: timers, other
// requests, whatever the event loop brings. Who awaits what is there already never comes back to the loop.

import { setImmediate } from "node:timers";

/** In milliseconds, for all bodies together. */
const LONGEST_MS = 1;

/** Node's own: a test may put another in its place, whose turns it makes by hand, and under jsdom no global is one. */
const soon = setImmediate;

let began = 0;
let next: Promise<void> | null = null;

/** What is to be waited for before more is read here; null where there is time left. */
export function turnIsOver(): Promise<void> | null {
  if (next !== null) return performance.now() - began < LONGEST_MS ? null : next;
  began = performance.now();
  next = new Promise((go) => {
    soon(() => {
      next = null;
      go();
    });
  });
  return null;
}
