/** How a client drops its letters, as a gateway sees it. */
import { decodeValue, failure, postboxOf } from '@troupe/model';
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

const send = (key: string, value: unknown, options: object = {}): Promise<string> => {
  const sent = troupe.send('Account', key, options)['note']?.(value) ?? Promise.reject();
  return sent.then(
    () => 'sent',
    (thrown: { readonly code: string }) => thrown.code,
  );
};

async function dropped() {
  const { key: postbox, method, type, number, args } = await gateway.nextCall();
  const [, key, , values] = decodeValue(args) as readonly [string, string, string, unknown[]];
  return { called: `${type}/${postbox}.${method}`, postbox, number, letter: [key, ...values] };
}

describe('letters of a client', () => {
  test('go to one actor one after the other, to others meanwhile, and all by one postbox', async () => {
    const [first, second, other] = [send('a', 1), send('a', 2), send('b', 3)];
    const one = await dropped();
    const three = await dropped();
    expect([one.letter, three.letter]).toEqual([
      ['a', 1],
      ['b', 3],
    ]);
    expect(one.called).toBe(`$postbox/${one.postbox}.send`);
    gateway.answer(three.number, null);
    expect(await other).toBe('sent');
    gateway.answer(one.number, null);
    expect(await first).toBe('sent');
    const two = await dropped();
    expect(two).toMatchObject({ letter: ['a', 2], postbox: one.postbox });
    gateway.answer(two.number, null);
    expect(await second).toBe('sent');
  });

  test('are what they were when they were sent, however long they wait', async () => {
    void send('a', 1);
    const value = { amount: 5 };
    const second = send('a', value);
    value.amount = 6;
    gateway.answer((await dropped()).number, null);
    const { letter, number } = await dropped();
    expect(letter).toEqual(['a', { amount: 5 }]);
    gateway.answer(number, null);
    expect(await second).toBe('sent');
  });

  test('go on behind one that was refused', async () => {
    const [first, second] = [send('a', 1), send('a', 2)];
    const { code, message } = failure('RESOURCE_EXHAUSTED', 'full');
    gateway.fail((await dropped()).number, { code, message, detailsJson: '{}' });
    expect(await first).toBe('RESOURCE_EXHAUSTED');
    gateway.answer((await dropped()).number, null);
    expect(await second).toBe('sent');
  });

  test('that wait behind one without an answer are given up by their deadline or their signal, and were not sent', async () => {
    const leaves = new AbortController();
    const first = send('a', 1);
    const late = send('a', 2, { deadlineMs: 20 });
    const left = send('a', 3, { signal: leaves.signal });
    const last = send('a', 4);
    const { number } = await dropped();
    leaves.abort();
    expect([await late, await left]).toEqual(['DEADLINE_EXCEEDED', 'CANCELLED']);
    gateway.answer(number, null);
    const next = await dropped();
    expect(next.letter).toEqual(['a', 4]);
    gateway.answer(next.number, null);
    expect([await first, await last]).toEqual(['sent', 'sent']);
  });
});

test('senders are spread over the postboxes of a tenant, and each has one', () => {
  const names = Array.from({ length: 2_000 }, (_, n) => `sender ${n}`);
  expect(new Set(names.map(postboxOf)).size).toBe(64);
  expect(names.map(postboxOf)).toEqual(names.map(postboxOf));
});
