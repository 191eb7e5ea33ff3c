// Signals that end calls. A signal has one listener here, however many calls it ends: an EventTarget with
// more than ten warns, and whoever raised that limit would hide a leak of the caller's own.

interface Heard {
  readonly ends: Set<() => void>;
  readonly listener: () => void;
}

const heard = new WeakMap<AbortSignal, Heard>();

/** Calls `end` when the signal is aborted, until what this gives is called. */
export function onAbort(signal: AbortSignal, end: () => void): () => void {
  const { ends } = heard.get(signal) ?? listen(signal);
  ends.add(end);
  return () => {
    ends.delete(end);
    const known = heard.get(signal);
    if (ends.size > 0 || known?.ends !== ends) return;
    signal.removeEventListener("abort", known.listener);
    heard.delete(signal);
  };
}

function listen(signal: AbortSignal): Heard {
  const ends = new Set<() => void>();
  const known = { ends, listener: () => [...ends].forEach((end) => end()) };
  heard.set(signal, known);
  signal.addEventListener("abort", known.listener);
  return known;
}
