/** What was done to a cluster is told as what it was. */
import { TroupeError } from '@troupe/model';
import { expect, it } from 'vitest';
import { inject } from '../src/chaos/inject.ts';
import type { RecoveryWatch } from '../src/chaos/recovery.ts';
import type { Scene } from '../src/chaos/scene.ts';
import type { Victim } from '../src/chaos/victim.ts';

it('a node whose drain nobody took is told as one that was just asked to end', async () => {
  const ended: string[] = [];
  const victim = {
    kind: 'node',
    name: 'n1',
    place: 'this machine',
    pid: 7,
    comeBack: async () => undefined,
    end: async (signal: string) => ended.push(signal) > 0,
  } as unknown as Victim;
  const refused = new TroupeError({ code: 'NO_LEADER', message: 'nobody leads' });
  const scene = {
    troupe: { drainNode: () => Promise.reject(refused) },
    stop: new AbortController().signal,
  } as unknown as Scene;
  const watch = { ended: () => undefined } as unknown as RecoveryWatch;
  const planned = { kind: 'drain-node', afterMs: 0, lastsMs: 0, draw: 0 } as const;
  const { did } = (await inject(scene, planned, victim, watch)) ?? {};
  expect(did).toBe('asked to end, not drained first (NO_LEADER): node n1 (pid 7)');
  expect(ended).toEqual(['SIGTERM']);
});
