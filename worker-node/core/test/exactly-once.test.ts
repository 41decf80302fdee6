import { type ChainLink, logName, sessionId } from '@troupe/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ledger, TestNode } from './harness.ts';

/** What may happen next. Numbers choose among the calls that are open. */
const happening = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: 'call' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('resend' as const), which: fc.nat(9) }) },
  { weight: 5, arbitrary: fc.constant({ kind: 'commit' as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'commit-unheard' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'checkpoint' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'crash-runner' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'node-dies' as const }) },
);

it('every acknowledged call took effect exactly once, whatever dies and whatever is resent', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 80 }), (happenings) => {
      const world = { logs: new Map(), checkpoints: new Map() };
      const acknowledged = new Map<number, unknown>();
      const open = new Set<number>();
      let chain: ChainLink[] = [];
      let nodes = 0;
      let epoch = 2;
      let next = 1;
      let now = 1_000;
      const start = () => {
        const node = new TestNode(`n${nodes}`, world, { checkpointMs: 1_000 });
        nodes += 1;
        node.now = now;
        node.autoCommit = false;
        node.place(ledger, epoch, chain);
        return node;
      };
      let node = start();
      const say = (number: number) => {
        const low = Math.min(...open);
        node.call('add', `id${number}`, { number, low, session: sessionId('s') });
      };
      const hear = () => {
        for (const { number, outcome } of node.results()) {
          if (!outcome.ok) throw new Error(`${number}: ${outcome.failure.message}`);
          acknowledged.set(number, outcome.value);
          open.delete(number);
        }
        node.replies.length = 0;
      };
      for (const event of happenings) {
        if (event.kind === 'call') {
          open.add(next);
          say(next);
          next += 1;
        } else if (event.kind === 'resend') {
          const number = [...open][event.which];
          if (number !== undefined) say(number);
        } else if (event.kind === 'commit') node.commit();
        else if (event.kind === 'commit-unheard') {
          node.commit();
          node.replies.length = 0;
        } else if (event.kind === 'checkpoint') node.tick(2_000);
        else if (event.kind === 'crash-runner') node.crashRunner();
        else {
          // What was not durable dies with the node; the log is sealed and handed on.
          chain = [...chain, { log: logName(`turns-${node.name}`), from: 0, to: 1_000 }];
          now = node.now + 1;
          epoch += 5;
          node = start();
        }
        hear();
      }
      node.autoCommit = true;
      node.commit();
      hear();
      for (const number of [...open]) say(number);
      hear();
      node.call('list', '', { number: next, low: next, session: sessionId('s') });
      const list = node.values().at(-1);
      expect(open.size).toBe(0);
      expect([...(list as string[])].sort()).toEqual(
        [...acknowledged.keys()].map((number) => `id${number}`).sort(),
      );
    }),
    { numRuns: 400 },
  );
});
