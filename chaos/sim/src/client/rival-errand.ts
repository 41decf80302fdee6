/** What a client does for one of the tenants that stand in each other's way: has places reserved, asks for a gang
 *  that is wider than they are, and lets go of them when it has ended. */
import type { RequestBody } from '@troupe/model';
import { tenantName } from '@troupe/model';
import type { Operation } from '../plan/load.ts';
import { licence } from '../plan/scene.ts';
import { beginGang, type GangHands } from './gang-errand.ts';

const reservation = 'desks';
const againMs = 700;
/** So that the places of both are held before either asks. */
const settledMs = 1_000;

export function beginRival(
  operation: Extract<Operation, { kind: 'rival' }>,
  hands: GangHands,
): void {
  const { places: count, gang } = operation;
  const named = { tenant: tenantName(gang.tenant), reservation };
  const shape = { resources: { [licence]: 1 } };
  const put: RequestBody = { kind: 'put-reservation', ...named, shape, count };
  const begin = (): void => {
    beginGang(gang, {
      ...hands,
      end: (outcome, refused) => {
        hands.ask({ kind: 'drop-reservation', ...named }, () => hands.end(outcome, refused));
      },
    });
  };
  const reserve = (): void => {
    hands.ask(put, (answer) => {
      // There may be no tenant yet.
      const isThere = answer.kind !== 'failed' || answer.failure.code === 'ALREADY_EXISTS';
      hands.after(isThere ? settledMs : againMs, isThere ? begin : reserve);
    });
  };
  reserve();
}
