/** A timer of any length: those of the platform end at once when they are longer than 24.8 days. */
const stretchMsMax = 2 ** 31 - 1;

/** Answers what cancels it. */
export function after(ms: number, fire: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = (leftMs: number): void => {
    const stretchMs = Math.min(leftMs, stretchMsMax);
    timer = setTimeout(() => (leftMs > stretchMs ? wait(leftMs - stretchMs) : fire()), stretchMs);
  };
  wait(ms);
  return () => clearTimeout(timer);
}
