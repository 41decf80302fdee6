import { decodeValue, encodeValue, incarnation, limits, tenantName } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { cluster, type Scene, tenant } from './scene.ts';

type Values = { readonly [name: string]: unknown };

function puts(scene: Scene, set: Values, more: { unset?: string[]; version?: number } = {}) {
  const { unset = [], ...of } = more;
  return scene.asks({ kind: 'put-config', tenant, set: encodeValue(set), unset, ...of });
}

function shown(scene: Scene): { version: number; values: unknown } {
  const answer = scene.asks({ kind: 'get-config', tenant });
  if (answer?.kind !== 'config') throw new Error(`no configuration: ${JSON.stringify(answer)}`);
  return { version: answer.version, values: decodeValue(answer.values) };
}

describe('a configuration', () => {
  it('is changed value by value, and what is so already makes no new version', () => {
    const { scene } = cluster(1);
    expect(shown(scene)).toEqual({ version: 0, values: {} });
    puts(scene, { b: 1, a: [1, { deep: true }] });
    puts(scene, { c: null }, { unset: ['b'] });
    expect(shown(scene)).toEqual({ version: 2, values: { a: [1, { deep: true }], c: null } });
    const { length } = scene.facts;
    puts(scene, { c: null, a: [1, { deep: true }] }, { unset: ['nothing'] });
    expect(shown(scene).version).toBe(2);
    expect(scene.facts).toHaveLength(length);
  });

  it('is changed only as it was looked at, when that is asked for; asking again finds it done', () => {
    const { scene } = cluster(1);
    puts(scene, { a: 1 });
    expect(scene.code(puts(scene, { a: 2 }, { version: 0 }))).toBe('WRONG_STATE');
    expect(scene.code(puts(scene, { a: 2 }, { version: 1 }))).toBe('config');
    expect(scene.code(puts(scene, { a: 2 }, { version: 1 }))).toBe('config');
    expect(shown(scene)).toEqual({ version: 2, values: { a: 2 } });
  });

  it.each([
    ['a value without a name', { '': 1 }, 'INVALID_ARGUMENT'],
    ['a secret without a place', { key: 'secret:vault:x' }, 'INVALID_ARGUMENT'],
    ['no object', [1], 'INVALID_ARGUMENT'],
    ['too much', { text: 'x'.repeat(limits.configBytesMax) }, 'TOO_LARGE'],
  ] as const)('refuses %s, and changes nothing', (_what, set, code) => {
    const { scene } = cluster(1);
    expect(scene.code(puts(scene, set as never))).toBe(code);
    expect(shown(scene).version).toBe(0);
  });

  it('is of a tenant that there is', () => {
    const { scene } = cluster(1);
    const nobody = tenantName('nobody');
    expect(scene.code(scene.asks({ kind: 'get-config', tenant: nobody }))).toBe('UNKNOWN_TENANT');
  });

  it.each(['facts', 'image'] as const)('outlives the leader, by its %s', (from) => {
    const { scene, nodes } = cluster(1);
    puts(scene, { a: 1 });
    puts(scene, { a: 2 });
    scene.failOver(from);
    expect(shown(scene)).toEqual({ version: 2, values: { a: 2 } });
    const [node = incarnation('none.a')] = nodes;
    scene.hear({ kind: 'ask-config', incarnation: node, tenant, version: 1 });
    const [told] = scene.to(node, 'config-told');
    expect(told && [told.asked, told.version, decodeValue(told.values)]).toEqual([1, 1, { a: 1 }]);
  });
});

describe('nodes', () => {
  it('are told that there is another version until they have heard it', () => {
    const { scene, nodes } = cluster(2);
    const [left, right] = nodes;
    if (left === undefined || right === undefined) throw new Error('no nodes');
    puts(scene, { a: 1 });
    scene.hear({ kind: 'config-seen', incarnation: left, tenant, version: 1 });
    scene.pass(2_500);
    expect(scene.to(left, 'config-news')).toHaveLength(1);
    expect(scene.to(right, 'config-news').length).toBeGreaterThan(2);
    puts(scene, { a: 2 });
    scene.hear({ kind: 'config-seen', incarnation: right, tenant, version: 1 });
    scene.hear({ kind: 'config-seen', incarnation: right, tenant, version: 2 });
    scene.hear({ kind: 'config-seen', incarnation: left, tenant, version: 2 });
    scene.forgetWords();
    scene.pass(5_000);
    expect(scene.sends.filter((send) => send.kind === 'to-node')).toEqual([]);
  });

  it('are told the version with each placement and each attempt, whoever leads', () => {
    const { scene } = cluster(1);
    puts(scene, { a: 1 });
    scene.resolves('k');
    scene.submits('t1');
    const { node } = scene.actor('k');
    expect(scene.to(node, 'place').at(-1)?.config).toBe(1);
    expect(scene.started('t1').at(-1)?.config).toBe(1);
    puts(scene, { a: 2 });
    scene.failOver();
    expect(scene.to(node, 'place').at(-1)?.config).toBe(2);
  });

  it('get the latest in the place of a version that is not kept, and nothing of one to come', () => {
    const { scene, nodes } = cluster(1);
    const [node = incarnation('none.a')] = nodes;
    for (let n = 1; n <= limits.configVersionsKeptMax + 5; n++) puts(scene, { n });
    scene.hear({ kind: 'ask-config', incarnation: node, tenant, version: 5 });
    scene.hear({ kind: 'ask-config', incarnation: node, tenant, version: 6 });
    scene.hear({ kind: 'ask-config', incarnation: node, tenant, version: 106 });
    const told = scene.to(node, 'config-told').map(({ asked, version }) => [asked, version]);
    expect(told).toEqual([
      [5, 105],
      [6, 6],
    ]);
  });

  it('keep no more bytes of old versions than are allowed, and the latest always', () => {
    const { scene } = cluster(1);
    const text = 'x'.repeat(limits.configBytesMax - 100);
    for (let n = 0; n < 40; n++) puts(scene, { text: `${n}${text.slice(2)}` });
    const kept = scene.machine.durable().configs?.[0]?.versions ?? [];
    const bytes = kept.reduce((sum, { values }) => sum + values.length, 0);
    expect(bytes).toBeLessThanOrEqual(limits.configBytesKeptMax);
    expect(kept.at(-1)?.version).toBe(40);
  });
});
