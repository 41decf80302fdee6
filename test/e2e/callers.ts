/** Concurrent callers that add ids to counters and remember what came of each. */
import { errorTable, TroupeError } from '@troupe/model';
import type { Troupe } from '@troupe/sdk';
import { expect } from 'vitest';
import { Counter } from '../agents/agents.ts';

export type Fate = 'ok' | 'failed' | 'unknown';

export interface History {
  readonly counters: number;
  /** Id → where it went and what came of it. */
  readonly calls: Map<
    string,
    { readonly key: string; readonly fate: Fate; readonly code?: string }
  >;
}

export interface Callers {
  readonly history: History;
  /** Resolves when so many more calls have been acknowledged. */
  acknowledged(more: number): Promise<void>;
  /** No new calls; resolves when every open one has come to something. */
  stop(): Promise<History>;
}

export function startCallers(
  troupe: Troupe,
  { counters, callers }: { readonly counters: number; readonly callers: number },
): Callers {
  const history: History = { counters, calls: new Map() };
  let stopped = false;
  let ok = 0;
  let waiting: { readonly at: number; readonly resolve: () => void }[] = [];
  const settle = (id: string, key: string, fate: Fate, code?: string) => {
    history.calls.set(id, code === undefined ? { key, fate } : { key, fate, code });
    if (fate !== 'ok') return;
    ok += 1;
    waiting = waiting.filter(({ at, resolve }) => {
      if (ok >= at) resolve();
      return ok < at;
    });
  };
  const caller = async (name: number) => {
    for (let n = 0; !stopped; n++) {
      const id = `c${name}-${n}`;
      const key = `k${(name * 31 + n * 7) % counters}`;
      try {
        await troupe.actor(Counter, key).add(id);
        settle(id, key, 'ok');
      } catch (error) {
        if (!(error instanceof TroupeError)) throw error;
        const surelyNot = errorTable[error.code].outcome === 'none';
        settle(id, key, surelyNot ? 'failed' : 'unknown', `${error.code}: ${error.message}`);
      }
    }
  };
  const all = Promise.all(Array.from({ length: callers }, (_, name) => caller(name)));
  return {
    history,
    acknowledged: (more) =>
      new Promise((resolve, reject) => {
        waiting.push({ at: ok + more, resolve });
        all.catch(reject);
      }),
    async stop() {
      stopped = true;
      await all;
      return history;
    },
  };
}

/** Every acknowledged id is there exactly once; none is doubled; none came from nowhere. */
export async function expectExactlyOnce(troupe: Troupe, history: History): Promise<void> {
  const found = new Map<string, string>();
  for (let n = 0; n < history.counters; n++) {
    const key = `k${n}`;
    for (const id of await troupe.actor(Counter, key).ids()) {
      expect(found.has(id), `${id} took effect twice`).toBe(false);
      found.set(id, key);
    }
  }
  for (const [id, { key, fate, code }] of history.calls) {
    if (fate === 'ok') expect(found.get(id), `${id} was acknowledged`).toBe(key);
    if (fate === 'failed')
      expect(found.has(id), `${id} was said not to be done: ${code}`).toBe(false);
  }
  for (const id of found.keys()) expect(history.calls.has(id), `${id} was called`).toBe(true);
}
