/** Actors that their type gives up, in a test cluster. */
import { actor } from '@troupe/sdk';
import { afterEach, describe, expect, it } from 'vitest';
import { TestCluster } from '../src/index.ts';

let isBroken = true;
let made = 0;

const options = {
  state: (): { flowers: number } => {
    made += 1;
    if (isBroken) throw new Error('in pieces');
    return { flowers: 0 };
  },
  methods: {
    put(c: { state: { flowers: number } }) {
      c.state.flowers += 1;
      return c.state.flowers;
    },
  },
};

const Vase = actor('Vase', { ...options, restart: { backoffMs: 500, failuresMax: 3 } });
/** One that does not break. */
const Mended = actor('Vase', { ...options, state: () => ({ flowers: 100 }) });

let cluster: TestCluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

/** A vase that was given up, and its cluster. */
async function broken(nodes = 2) {
  isBroken = true;
  made = 0;
  const there = await TestCluster.start({ bundle: { Vase }, nodes });
  cluster = there;
  const troupe = there.connect();
  const vase = troupe.actor(Vase, 'blue');
  const codes: string[] = [];
  for (let n = 0; n < 6; n++) {
    codes.push(await vase.put().then(String, ({ code }: { code: string }) => code));
    await there.advance('5s');
  }
  const view = async () => await troupe.actors.show(Vase, 'blue');
  return { there, troupe, vase, codes, view };
}

describe('an actor that its type gives up', () => {
  it('is not tried again, whoever dies, and is well when it is resumed', async () => {
    const { there, troupe, vase, codes, view } = await broken();
    const [last, up] = ['CONSTRUCTOR_FAILED', 'GIVEN_UP'];
    expect(codes).toEqual([last, last, last, up, up, up]);
    expect(made).toBe(3);
    expect(await view()).toMatchObject({ state: 'failed', failure: { code: up } });
    const node = String((await view())?.node).split('.')[0] ?? '';
    await there.crash(node);
    await there.crash('scheduler');
    await there.advance('60s');
    await expect(vase.put()).rejects.toMatchObject({ code: up });
    expect(made).toBe(3);
    isBroken = false;
    await troupe.actors.resume(Vase, 'blue');
    await there.advance('5s');
    expect(await vase.put()).toBe(1);
    expect((await view())?.state).toBe('placed');
  });

  it('is tried again, and so often anew, by a rollout of another version', async () => {
    const { there, troupe, vase, view } = await broken(1);
    isBroken = false;
    await there.deploy({ Vase: Mended });
    await there.advance('30s');
    await expect(vase.put()).rejects.toMatchObject({ code: 'GIVEN_UP' });
    await troupe.rollouts.start('Vase');
    await there.advance('60s');
    expect((await troupe.rollouts.list())[0]?.state).toBe('done');
    expect(await vase.put()).toBe(101);
    expect((await view())?.state).toBe('placed');
  });
});
