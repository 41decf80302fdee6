import { type ChainLink, encodeValue, sessionId } from '@troupe/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ledger, node as nodeAt, other, seal, shared, TestNode } from './harness.ts';

/** What may happen next. Numbers choose among the calls that are open. */
const happening = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: 'call' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('resend' as const), which: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'letter' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'resend-letters' as const }) },
  { weight: 5, arbitrary: fc.constant({ kind: 'commit' as const }) },
  { weight: 3, arbitrary: fc.constant({ kind: 'commit-unheard' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'checkpoint' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'crash-runner' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'node-dies' as const }) },
);

it('every acknowledged call took effect exactly once, whatever dies and whatever is resent', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 80 }), (happenings) => {
      const world = shared();
      const acknowledged = new Map<number, unknown>();
      const open = new Set<number>();
      let chain: ChainLink[] = [];
      let nodes = 0;
      let epoch = 2;
      const letters = { sent: 0, acknowledged: 0 };
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
      const sendLetters = () => {
        for (let n = letters.acknowledged + 1; n <= letters.sent; n++) {
          node.message(letterOf(n, epoch));
        }
      };
      const hear = () => {
        for (const { message } of node.replies) {
          if (message.kind === 'letter-ack') letters.acknowledged = message.upTo;
        }
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
        } else if (event.kind === 'letter') {
          letters.sent += 1;
          node.message(letterOf(letters.sent, epoch));
        } else if (event.kind === 'resend-letters') sendLetters();
        else if (event.kind === 'commit') node.commit();
        else if (event.kind === 'commit-unheard') {
          node.commit();
          node.replies.length = 0;
        } else if (event.kind === 'checkpoint') node.tick(2_000);
        else if (event.kind === 'crash-runner') node.crashRunner();
        else {
          // What was not durable dies with the node; the log is sealed and handed on.
          chain = [...chain, ...seal(node.name)];
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
      sendLetters();
      hear();
      node.call('list', '', { number: next, low: next, session: sessionId('s') });
      const list = node.values().at(-1) as string[];
      expect(open.size).toBe(0);
      expect(list.filter((id) => id.startsWith('id')).sort()).toEqual(
        [...acknowledged.keys()].map((number) => `id${number}`).sort(),
      );
      expect(letters.acknowledged).toBe(letters.sent);
      expect(list.filter((id) => id.startsWith('letter'))).toEqual(
        Array.from({ length: letters.sent }, (_, n) => `letter${n + 1}`),
      );
    }),
    { numRuns: 1_500 },
  );
});

function letterOf(number: number, epoch: number) {
  return {
    kind: 'letter',
    to: ledger,
    epoch,
    from: other,
    fromBirth: 3,
    number,
    method: 'add',
    args: encodeValue([`letter${number}`]),
    replyTo: nodeAt('z'),
    scope: other,
    clock: {},
  } as const;
}
