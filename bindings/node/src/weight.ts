// Makes V8 look for pieces of bodies that nobody holds any more. Their bytes lie outside of its heap, and
// by itself it looks when 32 MB of them have come together, or when the place of its young objects is full,
// which is small in most processes: with as much in there as a piece holds outside, it is full before long.

const MOST = 65_536;

/** Weighs as much on V8's heap as a piece of so many bytes. To be held while a piece is worked on, and then no more. */
export function weight(bytes: number): unknown {
  return new Array(Math.min(bytes, MOST) >> 3);
}
