/** A call under an idempotency key, as gateways see it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect, type Troupe } from '../src/index.ts';
import { StandIn } from './stand-in.ts';

let gateway: StandIn;
let troupe: Troupe;
beforeEach(async () => {
  gateway = await StandIn.start();
  troupe = await connect({ address: gateway.address });
});
afterEach(async () => {
  await troupe.close();
  gateway.stop();
});

const notYet = { position: 0, values: [], ended: false };

/** Each is what is said to one question, the last one to all that follow. */
function says(...answers: readonly object[]): void {
  let asked = 0;
  gateway.unary = {
    Take: () => {
      asked += 1;
      return answers[Math.min(asked, answers.length) - 1] ?? {};
    },
  };
}

const paid = () => troupe.actor('Till', 'a', { idempotencyKey: 'order-17' })['pay']?.(5);

describe('a call under a key', () => {
  test('that may run is not said to have done nothing by whoever is asked for it later', async () => {
    says(notYet, { code: 'UNKNOWN_TYPE' });
    await expect(paid()).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  });

  test('that was refused at once has done nothing, and says why', async () => {
    says({ code: 'UNKNOWN_TYPE' });
    await expect(paid()).rejects.toMatchObject({ code: 'UNKNOWN_TYPE' });
  });
});
