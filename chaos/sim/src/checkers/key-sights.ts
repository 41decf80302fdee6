/** Looks on like a checker and notes which interesting states calls under idempotency keys were in. */
import type { Coverage } from '../world/coverage.ts';
import { isDone } from './acknowledged-is-durable.ts';
import type { Checker } from './checker.ts';
import type { KeyTruth } from './keyed-calls.ts';
import type { Truth } from './truth.ts';

export function keySights({ keyed }: Truth, coverage: Coverage): Checker {
  const told = new Map<KeyTruth, string>();
  return {
    answered({ operation, client, ask: number, outcome }) {
      const ask = operation.kind === 'keyed' ? keyed.ask(client, number) : undefined;
      if (ask === undefined) return;
      const { key, before } = ask;
      if (!outcome.ok && outcome.failure.code === 'ALREADY_EXISTS') {
        coverage.reach('another call under a key is refused');
        if (before !== undefined && keyed.dead.has(before.node)) {
          coverage.reach(
            'another call under a key is refused after the node of the first has died',
          );
        }
      }
      if (!isDone(outcome)) return;
      const first = told.get(key) ?? client;
      told.set(key, first);
      if (first !== client) coverage.reach('a call under a key is answered to a second client');
      if (before !== undefined && keyed.dead.has(before.node)) {
        coverage.reach('a call under a key is asked for again after its node has died');
      }
    },
  };
}
