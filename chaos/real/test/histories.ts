/** Small histories, written by hand. */
import type { Begin, Final, Operation } from '../src/history/history.ts';

type Given = Pick<Operation, 'id' | 'action'> & Partial<Operation>;

/** Operations one after another, unless they say when they were; ok unless they say otherwise. */
export function operations(key: string, ...given: readonly Given[]): Operation[] {
  return given.map((one, index) => ({
    kind: 'operation',
    workload: 'w',
    client: 'c',
    key,
    from: index * 10,
    until: index * 10 + 5,
    outcome: 'ok',
    ...one,
  }));
}

export function final(key: string, value: unknown): Final {
  return { kind: 'final', workload: 'w', key, value };
}

/** How every history begins. */
export function begin(given: Partial<Begin> = {}): Begin {
  return {
    kind: 'begin',
    seed: '1',
    at: '',
    forMs: 1_000,
    nodes: 1,
    schedulers: 1,
    etcds: 1,
    natsServers: 1,
    where: 'nowhere',
    kinds: ['kill-node'],
    leftOut: [],
    ...given,
  };
}
