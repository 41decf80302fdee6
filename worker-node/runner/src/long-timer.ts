/** A timer of any length: those of the platform end at once when they are longer than 24.8 days. */
const stretchMsMax = 2 ** 31 - 1;

/** Calls `fire` once after `ms`; the answer cancels it. */
export type After = (ms: number, fire: () => void) => () => void;

export const after: After = (ms, fire) => {
  let timer: NodeJS.Timeout;
  const wait = (leftMs: number): void => {
    const stretchMs = Math.min(leftMs, stretchMsMax);
    timer = setTimeout(() => (leftMs > stretchMs ? wait(leftMs - stretchMs) : fire()), stretchMs);
  };
  wait(ms);
  return () => clearTimeout(timer);
};
