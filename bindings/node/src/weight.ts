// Makes V8 look for pieces of bodies that nobody holds any more. Their bytes lie outside of its heap, and
// by itself it looks when 32 MB of them have come together, or when the place of its young objects is full,
// which is small in most processes: with as much in there as a piece holds outside, it is full before long.

const MOST = 65_536;

/** Weighs as much on V8's heap as a piece of so many bytes. To be held while a piece is worked on, and then no more. */
export function weight(bytes: number): unknown {
  return new Array(Math.min(bytes, MOST) >> 3);
}

/** Throws away as much on V8's heap as a piece of so many bytes takes outside of it. */
export function press(bytes: number): void {
  for (let left = bytes; left > 0; left -= MOST) {
    thrown = new Array(Math.min(left, MOST) >> 3);
    thrown = null; // before the next is made: what is held then makes that place grow
  }
}

/** Seen from outside, so that V8 does not leave out what nobody uses. */
export let thrown: unknown = null;
