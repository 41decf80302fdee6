/** What a schedule came to, kind by kind. */
import { type FaultKind, faultKinds } from './kinds.ts';
import type { Played } from './play.ts';

export interface KindSummary {
  readonly kind: FaultKind;
  readonly times: number;
  readonly skipped: number;
  /** Of those after which the cluster was whole again. */
  readonly medianMs?: number;
  readonly maxMs?: number;
}

export function summaryOf(played: readonly Played[]): readonly KindSummary[] {
  return faultKinds.flatMap((kind) => {
    const those = played.filter((one) => one.kind === kind);
    if (those.length === 0) return [];
    const skipped = those.filter(({ outcome }) => outcome === 'skipped').length;
    const times = those.length - skipped;
    const recovered = those
      .flatMap(({ recoveredMs }) => (recoveredMs === undefined ? [] : [recoveredMs]))
      .sort((left, right) => left - right);
    const [medianMs, maxMs] = [recovered[(recovered.length - 1) >> 1], recovered.at(-1)];
    if (medianMs === undefined || maxMs === undefined) return [{ kind, times, skipped }];
    return [{ kind, times, skipped, medianMs, maxMs }];
  });
}
