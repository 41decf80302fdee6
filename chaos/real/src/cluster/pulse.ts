/** Tells when everybody has been served again: each of the names has an answer to an operation that
 *  began after a given moment. */
import type { HistoryWriter, Operation } from '../history/history.ts';

export interface Pulse {
  /** Milliseconds from that moment until then; undefined when it takes longer than `msMax`. */
  since(from: number, msMax: number): Promise<number | undefined>;
}

interface Waiting {
  readonly from: number;
  readonly missing: Set<string>;
  readonly resolve: (ms: number | undefined) => void;
}

export function pulseOf(
  writer: HistoryWriter,
  names: readonly string[],
  nameOf: (operation: Operation) => string,
): Pulse {
  const waiting = new Set<Waiting>();
  writer.onOperation((operation) => {
    if (operation.outcome !== 'ok') return;
    for (const one of waiting) {
      if (operation.from < one.from || !one.missing.delete(nameOf(operation))) continue;
      if (one.missing.size === 0) one.resolve(operation.until - one.from);
    }
  });
  return {
    async since(from, msMax) {
      let timer: NodeJS.Timeout | undefined;
      let entry: Waiting | undefined;
      const served = new Promise<number | undefined>((resolve) => {
        entry = { from, missing: new Set(names), resolve };
        waiting.add(entry);
        timer = setTimeout(() => resolve(undefined), msMax);
      });
      try {
        return await served;
      } finally {
        clearTimeout(timer);
        if (entry !== undefined) waiting.delete(entry);
      }
    },
  };
}
