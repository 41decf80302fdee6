/** What turns and attempts are configured with, in a test cluster. */
import { actor, task } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const secret = 'sk-very-secret-1234';

const Writer = actor('Writer', {
  state: () => ({ seen: [] as unknown[] }),
  methods: {
    note(c) {
      c.state.seen.push(c.config['model']);
      return c.state.seen.length;
    },
    async draft(c) {
      const before = c.config['model'];
      await c.waitFor('go');
      c.state.seen.push([before, c.config['model']]);
      return [before, c.config['model']];
    },
    async twice(c) {
      const before = c.config['model'];
      await c.step('pause', () => pauseOf(c.key));
      return [before, c.config['model']];
    },
    change(c) {
      (c.config as { model?: string }).model = 'mine';
    },
    length: (c) => c.secret('apiKey').length,
    keep(c) {
      c.state.seen.push({ key: `Bearer ${c.secret('apiKey')}` });
    },
    tell: (c) => ({ deep: [c.secret('apiKey')] }),
    async step(c) {
      await c.step('login', () => c.secret('apiKey'), { retries: 3 });
    },
    send(c) {
      c.send(Writer, 'b').note(c.secret('apiKey') as never);
    },
    fail(c) {
      throw new Error(`the server refused ${c.secret('apiKey')}`);
    },
    other: (c) => c.secret('other'),
  },
  reads: { model: (c) => c.config['model'], seen: (c) => c.state.seen },
});

const model = task('model', (c) => c.config['model']);
const asks = task('asks', (c) => c.secret('apiKey').length);

/** Opened by a test while a step is at work. */
const gates = new Map<string, Promise<void>>();
const pauseOf = (key: string) => gates.get(key);

let cluster: TestCluster;

beforeEach(async () => {
  const secrets = { 'secret:env:API_KEY': secret };
  cluster = await TestCluster.start({ bundle: { Writer, model, asks }, secrets });
});

afterEach(async () => {
  await cluster.stop();
});

describe('a configuration', () => {
  test('is empty at first, and rises by one version with each change', async () => {
    const { config } = cluster.connect();
    expect(await config.show()).toEqual({ version: 0, values: {} });
    expect(await config.set({ model: 'small', tries: 3 })).toMatchObject({ version: 1 });
    expect(await config.set({ model: 'small' })).toMatchObject({ version: 1 });
    expect(await config.set({}, { unset: ['tries'] })).toEqual({
      version: 2,
      values: { model: 'small' },
    });
    const late = config.set({ model: 'large' }, { version: 1 });
    await expect(late).rejects.toMatchObject({ code: 'WRONG_STATE' });
    expect(await config.set({ model: 'large' }, { version: 2 })).toMatchObject({ version: 3 });
  });

  test('is seen by turns, reads and tasks that begin after it, without another bundle', async () => {
    const troupe = cluster.connect();
    const writer = troupe.actor(Writer, 'a');
    await writer.note();
    await troupe.config.set({ model: 'small' });
    await cluster.advance('2s');
    await writer.note();
    expect(await writer.model()).toBe('small');
    expect(await troupe.task(model, undefined)).toBe('small');
    await troupe.config.set({ model: 'large' });
    await cluster.advance('2s');
    await writer.note();
    expect(await writer.seen()).toEqual([undefined, 'small', 'large']);
    expect(await troupe.task(model, undefined)).toBe('large');
  });

  test('is of one tenant', async () => {
    const other = cluster.connect({ tenant: 'other' });
    await cluster.deploy({ Writer }, { tenant: 'other' });
    await cluster.connect().config.set({ model: 'small' });
    await cluster.advance('2s');
    expect(await other.actor(Writer, 'a').model()).toBeUndefined();
    expect(await cluster.connect().actor(Writer, 'a').model()).toBe('small');
  });

  test('cannot be changed by user code', async () => {
    const troupe = cluster.connect();
    await troupe.config.set({ model: 'small' });
    await expect(troupe.actor(Writer, 'a').change()).rejects.toMatchObject({ code: 'USER_ERROR' });
  });

  test('stays the same for a turn that waits, whatever is set and whoever dies meanwhile', async () => {
    const troupe = cluster.connect();
    const writer = troupe.actor(Writer, 'a');
    await troupe.config.set({ model: 'small' });
    const drafted = writer.draft();
    await cluster.advance('2s');
    await troupe.config.set({ model: 'large' });
    await cluster.advance('1s');
    await cluster.crash(await cluster.whereIs(Writer, 'a'));
    await cluster.advance('20s');
    await troupe.signal(Writer, 'a', 'go');
    expect(await drafted).toEqual(['small', 'small']);
    expect(await writer.model()).toBe('large');
  });

  test('stays the same for a turn whose node dies under a step', async () => {
    const troupe = cluster.connect();
    await troupe.config.set({ model: 'small' });
    let open = () => {};
    gates.set('s', new Promise((resolve) => (open = resolve)));
    const done = troupe.actor(Writer, 's').twice();
    await cluster.advance('2s');
    await troupe.config.set({ model: 'large' });
    await cluster.advance('2s');
    await cluster.crash(await cluster.whereIs(Writer, 's'));
    open();
    await cluster.advance('20s');
    expect(await done).toEqual(['small', 'small']);
  });

  test('outlives the leader, and is seen by who is placed by the next one', async () => {
    const troupe = cluster.connect();
    await troupe.config.set({ model: 'small' });
    await cluster.crash('scheduler');
    await cluster.advance('20s');
    expect(await troupe.config.show()).toEqual({ version: 1, values: { model: 'small' } });
    expect(await troupe.actor(Writer, 'new').model()).toBe('small');
  });
});

describe('a secret', () => {
  const set = async () => {
    const troupe = cluster.connect();
    await troupe.config.set({ apiKey: 'secret:env:API_KEY', other: 'secret:file:/run/none' });
    return troupe;
  };

  test('is had by turns and tasks, and shown by its reference only', async () => {
    const troupe = await set();
    expect(await troupe.actor(Writer, 'a').length()).toBe(secret.length);
    expect(await troupe.task(asks, undefined)).toBe(secret.length);
    const { values } = await troupe.config.show();
    expect(values['apiKey']).toBe('secret:env:API_KEY');
  });

  test.each(['keep', 'tell', 'step', 'send'] as const)(
    'is refused where it would be recorded: %s',
    async (method) => {
      const writer = (await set()).actor(Writer, 'a');
      const refused = await writer[method]().catch((thrown: unknown) => thrown);
      expect(refused).toMatchObject({ code: 'SECRET_EXPOSED' });
      expect(String(refused)).toContain('secret:env:API_KEY');
      expect(String(refused)).not.toContain(secret);
      expect(await writer.seen()).toEqual([]);
    },
  );

  test('does not stand in what a turn throws', async () => {
    const failed = await (await set())
      .actor(Writer, 'a')
      .fail()
      .catch((thrown: unknown) => thrown);
    expect(String(failed)).toContain('the server refused secret:env:API_KEY');
    expect(String(failed)).not.toContain(secret);
  });

  test('that the node does not have is told with its reference', async () => {
    const other = (await set()).actor(Writer, 'a').other();
    await expect(other).rejects.toMatchObject({ code: 'SECRET_UNAVAILABLE' });
  });

  test('is refused by what it names, when that is no place', async () => {
    const { config } = cluster.connect();
    const wrong = config.set({ apiKey: 'secret:vault:x' });
    await expect(wrong).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await config.show()).toMatchObject({ version: 0 });
  });
});
