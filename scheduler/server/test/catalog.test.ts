import { encodeValue, type Manifest, postboxType, tenantName, topicType } from '@troupe/model';
import { expect, test } from 'vitest';
import { Catalog } from '../src/gateway/catalog.ts';

const manifest: Manifest = {
  sdk: '',
  actors: [{ type: 'Trader', methods: ['onPrice'], reads: [] }],
  tasks: [],
  workflows: [],
};

test('a topic needs no bundle, and a subscription of what nobody deployed is refused', () => {
  const catalog = new Catalog();
  const refusal = (method: string, ...args: readonly unknown[]) =>
    catalog.refusalOf('acme', topicType, method, encodeValue(args))?.code;
  expect(refusal('publish', 1)).toBe('UNKNOWN_TENANT');
  catalog.tenantPut(tenantName('acme'));
  expect(refusal('publish', 1)).toBeUndefined();
  expect(refusal('$go-on')).toBe('UNKNOWN_METHOD');
  expect(refusal('$signal', 'approval', 1)).toBe('UNKNOWN_METHOD');
  expect(refusal('subscribe', 'Trader', 'a', 'onPrice')).toBe('UNKNOWN_TYPE');
  catalog.deployed(tenantName('acme'), manifest);
  expect(refusal('subscribe', 'Trader', 'a', 'onPrice')).toBeUndefined();
  expect(refusal('subscribe', 'Trader', 'a', 'onPrize')).toBe('UNKNOWN_METHOD');
  expect(refusal('unsubscribe', 'Gone', 'a')).toBeUndefined();
  // What is no subscriber at all is refused by the topic itself.
  expect(refusal('subscribe', 1)).toBeUndefined();
});

test('a letter of a client to what nobody deployed is refused', () => {
  const catalog = new Catalog();
  catalog.deployed(tenantName('acme'), manifest);
  const refusal = (...args: readonly unknown[]) =>
    catalog.refusalOf('acme', postboxType, 'send', encodeValue(args))?.code;
  expect(refusal('Trader', 'a', 'onPrice', [1], { delayMs: 5 })).toBeUndefined();
  expect(refusal('Trader', 'a', 'onPrize', [1])).toBe('UNKNOWN_METHOD');
  expect(refusal('Gone', 'a', 'onPrice', [1])).toBe('UNKNOWN_TYPE');
  // What is no letter at all is refused by the postbox itself.
  expect(refusal('Trader')).toBeUndefined();
});
