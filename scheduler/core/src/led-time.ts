/** A successor knows for how long was led by what the journal says of it: most facts do, by the way. */
import type { Desk } from './desk.ts';

/** While tasks or timers wait. Looked at each second: a change of leaders hides at most 5 s of their waiting. */
export const waitingToldMs = 4_000;

/** Says it when nothing has said it for so long. */
export function tellTime(desk: Desk, toldMs: number): void {
  const { ledMs, state } = desk;
  if (ledMs - state.ledMs >= toldMs) desk.decide({ kind: 'time-led', ledMs });
}
