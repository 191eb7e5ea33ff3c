// Makes V8 look for pieces of bodies that nobody holds any more. Their bytes lie outside of its heap, and
// by itself it looks when 32 MB of them have come together, or when the place of its young objects is full,
// which is small in most processes. So what is free of that place is filled when some MB have been given.

import { getHeapSpaceStatistics } from "node:v8";

/** The largest object that is made for that, in bytes. */
const MOST = 65_536;

/** How many bytes of pieces are given before V8 has to look for those that nobody holds. */
const GIVEN = 3 << 20;

/** How much is thrown away for that at most, in bytes: in most processes it is as much as that place has. */
const THROWN = 4 << 20;

/** How many were given since it had to. */
let given = 0;

/** Weighs as much on V8's heap as a piece of so many bytes. To be held while a piece is worked on, and then no more. */
export function weight(bytes: number): unknown {
  return new Array(Math.min(bytes, MOST) >> 3);
}

/** Says that a piece of so many bytes is given. */
export function press(bytes: number): void {
  given += bytes;
  if (given < GIVEN) return;
  for (let left = Math.min(THROWN, room()); left > 0; left -= MOST) {
    thrown = weight(left); // of a length that V8 does not know beforehand, or it would make none
    thrown = null; // before the next is made: what is held then makes that place grow
  }
  given = 0;
}

/** How many bytes fill the place of V8's young objects; infinity where that is not known, as in Bun. */
function room(): number {
  try {
    const young = getHeapSpaceStatistics().find((space) => space.space_name === "new_space");
    return young ? young.space_available_size + MOST : Infinity;
  } catch {
    return Infinity;
  }
}

/** Seen from outside, so that V8 does not leave out what nobody uses. */
export let thrown: unknown = null;
