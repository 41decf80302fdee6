/** Bad input gets a clear, coded error and changes nothing. */
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import { version } from '@troupe/model';
import { connect, workflow } from '@troupe/sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Broken, Counter, double, Sender } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

const agents = fileURLToPath(new URL('../agents/agents.ts', import.meta.url));

let stage: Scene;

beforeAll(async () => {
  stage = await scene({ nodes: 1 });
});

afterAll(async () => {
  await stage?.stop();
});

const actors = async () => (await stage.troupe.actors({ limit: 1 })).total;

async function expectRefused(refused: Promise<unknown>, code: string, text: string) {
  await expect(refused).rejects.toMatchObject({
    code,
    message: expect.stringContaining(text),
  });
}

it('an actor type that nobody deployed is named, and no actor comes to be', async () => {
  const before = await actors();
  await expectRefused(
    stage.troupe.actor('Nobody', 'k').wave?.() as Promise<unknown>,
    'UNKNOWN_TYPE',
    'Nobody',
  );
  expect(await actors()).toBe(before);
});

it('a method that the type does not have is named, and no actor comes to be', async () => {
  const before = await actors();
  await expectRefused(
    stage.troupe.actor('Counter', 'new').wave?.() as Promise<unknown>,
    'UNKNOWN_METHOD',
    'wave',
  );
  expect(await actors()).toBe(before);
});

it('an argument that cannot be carried is refused with its path', async () => {
  const sent = stage.troupe.actor('Counter', 'args').add?.({ deep: [1, new Map()] });
  await expectRefused(sent as Promise<unknown>, 'UNCARRIABLE', 'args[0].deep[1]');
});

it('a state that cannot be carried fails the turn with its path and stays as it was', async () => {
  const counter = stage.troupe.actor(Counter, 'uncarriable');
  await counter.add('kept');
  await expectRefused(counter.keepSocket(), 'UNCARRIABLE', 'state.sockets[0]');
  expect(await counter.ids()).toEqual(['kept']);
});

it('a payload over the limit is refused', async () => {
  const large = 'x'.repeat(600 * 1024);
  await expectRefused(stage.troupe.actor(Counter, 'large').add(large), 'TOO_LARGE', '');
});

it('a tenant that does not exist is named', async () => {
  const stranger = await connect({ address: stage.cluster.address, tenant: 'nobody' })
    .then(
      (troupe) =>
        troupe
          .actor(Counter, 'k')
          .add('x')
          .finally(() => troupe.close()),
      (error) => Promise.reject(error),
    )
    .catch((error) => error);
  expect(stranger).toMatchObject({
    code: 'UNKNOWN_TENANT',
    message: expect.stringContaining('nobody'),
  });
});

it('a bundle that throws while it loads is refused with what it threw', async () => {
  const before = (await stage.troupe.status()).bundles.length;
  const bytes = new TextEncoder().encode('throw new Error("not today")');
  await expectRefused(stage.troupe.deploy(bytes), 'BUNDLE_LOAD_FAILED', 'not today');
  expect((await stage.troupe.status()).bundles).toHaveLength(before);
});

it('a bundle that never ends to load is refused as such, not as a lack of nodes', async () => {
  const before = (await stage.troupe.status()).bundles.length;
  const bytes = new TextEncoder().encode('await new Promise(() => {})');
  await expectRefused(stage.troupe.deploy(bytes), 'BUNDLE_LOAD_FAILED', 'did not load within');
  expect((await stage.troupe.status()).bundles).toHaveLength(before);
});

it('a bundle made with another version of the SDK is refused with both versions', async () => {
  const { bytes } = await bundleFile(agents);
  const text = new TextDecoder().decode(bytes);
  const foreign = text.replaceAll(`version = "${version}"`, 'version = "0.9.0"');
  expect(foreign).not.toBe(text);
  const deployed = stage.troupe.deploy(new TextEncoder().encode(foreign));
  await expectRefused(deployed, 'VERSION_MISMATCH', `SDK 0.9.0, not ${version}`);
});

it('a task that nobody deployed is named', async () => {
  const stranger = { ...double, name: 'nothing' };
  await expectRefused(stage.troupe.task(stranger, 1), 'UNKNOWN_TASK', 'nothing');
});

it('a workflow that nobody deployed is named', async () => {
  const stranger = workflow('nowhere', (w) => w.pause('ask', 'why?'));
  await expectRefused(stage.troupe.start(stranger, {}), 'UNKNOWN_WORKFLOW', 'nowhere');
});

it('a constructor that throws is told to the caller, again at each try', async () => {
  const broken = stage.troupe.actor(Broken, 'k');
  await expectRefused(broken.touch(), 'CONSTRUCTOR_FAILED', 'does not like this key');
  await expectRefused(broken.touch(), 'CONSTRUCTOR_FAILED', 'does not like this key');
});

it('a method that throws is told to the caller and leaves the state as it was', async () => {
  const counter = stage.troupe.actor(Counter, 'throws');
  await counter.add('kept');
  await expectRefused(counter.fail('lost'), 'USER_ERROR', 'no lost');
  expect(await counter.ids()).toEqual(['kept']);
});

it('a cycle of awaited calls is refused with the cycle named', async () => {
  await expectRefused(stage.troupe.actor(Sender, 'a').askBack('b'), 'DEADLOCK', 'Sender/a');
});
