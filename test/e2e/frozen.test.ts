/** What a node that slept through its own death finds in its mail is not for it to answer. */
import { afterEach, expect, it } from 'vitest';
import { Counter } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

it('a frozen node that wakes up refuses no call that another one has taken in', async () => {
  const rhythm = { heartbeatMs: 250, nodeSilenceMs: 1_000 };
  stage = await scene({ nodes: 2, schedulerConfig: rhythm });
  const { troupe, cluster } = stage;
  await troupe.actor(Counter, 'z').add('before');
  const host = await stage.hostOf('default/Counter/z');
  const frozen = cluster.nodes.find(({ name }) => name === host);
  if (frozen === undefined) throw new Error(`no node ${host}`);
  frozen.kill('SIGSTOP');
  // It lies in the mail of the frozen node when its deadline passes; the new one runs it longer.
  const deadlineMs = 4_000;
  const deadline = performance.now() + deadlineMs;
  const slow = troupe.actor(Counter, 'z', { deadlineMs }).addSlowly('slow', 6_000);
  // So much mail that it reads this part before the part that says that it is dead.
  const bulk = Array.from({ length: 8 }, () =>
    expect(troupe.actor(Counter, 'z').fail('x'.repeat(500_000))).rejects.toThrow('no xxx'),
  );
  let answers = 0;
  const answer = slow.finally(() => {
    answers += 1;
  });
  await stage.until('the actor lives elsewhere', async () => {
    return (await stage.hostOf('default/Counter/z')) !== host;
  });
  await stage.until('the deadline has passed', async () => performance.now() > deadline + 500);
  expect(answers).toBe(0);
  frozen.kill('SIGCONT');
  expect((await frozen.exited).code).toBe(4);
  expect(await answer).toBe(2);
  await Promise.all(bulk);
  expect(await troupe.actor(Counter, 'z').ids()).toEqual(['before', 'slow']);
});
