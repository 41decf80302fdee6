/** Clients that ask many counters, each of them one call after the other, and how these must stand there. */
import { errorTable, TroupeError } from '@troupe/model';
import type { Troupe } from '@troupe/sdk';
import { expect } from 'vitest';
import { Counter } from '../agents/agents.ts';

export const keyOf = (number: number) => `k${number}`;

/** What a client asked of one actor, in its order, and whether that was acknowledged. */
interface Line {
  readonly client: number;
  readonly key: string;
  readonly asked: { readonly id: string; fate: 'ok' | 'none' | 'unknown' | undefined }[];
}

/** Each client has a session of its own and calls several actors at once, each of them in turn. */
export class OrderedClients {
  readonly lines: Line[] = [];
  readonly counters: number;
  ok = 0;
  #stopped = false;
  readonly #all: Promise<unknown>;

  constructor(troupes: readonly Troupe[], counters: number, lanes = 4) {
    this.counters = counters;
    const work = troupes.flatMap((troupe, client) =>
      Array.from({ length: lanes }, (_, lane) => this.#lane(troupe, client, lane, lanes)),
    );
    this.#all = Promise.all(work);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#all;
  }

  async #lane(troupe: Troupe, client: number, lane: number, lanes: number): Promise<void> {
    const mine: Line[] = [];
    for (let at = lane; at < this.counters; at += lanes) {
      mine.push({ client, key: keyOf(at), asked: [] });
    }
    this.lines.push(...mine);
    for (let n = 0; !this.#stopped; n++) {
      for (const { key, asked } of mine) {
        if (this.#stopped) return;
        await this.#add(troupe, key, asked, `${client}:${key}:${n}`);
      }
    }
  }

  async #add(troupe: Troupe, key: string, asked: Line['asked'], id: string): Promise<void> {
    const one: Line['asked'][number] = { id, fate: undefined };
    asked.push(one);
    try {
      await troupe.actor(Counter, key).add(id);
      one.fate = 'ok';
      this.ok += 1;
    } catch (error) {
      if (!(error instanceof TroupeError)) throw error;
      one.fate = errorTable[error.code].outcome === 'none' ? 'none' : 'unknown';
    }
  }
}

/** Every acknowledged id is there once, and those of one client in its order; how many there are. */
export async function expectOrder(
  troupe: Troupe,
  { lines, counters }: OrderedClients,
): Promise<number> {
  let acknowledged = 0;
  for (let n = 0; n < counters; n++) {
    const ids = await troupe.actor(Counter, keyOf(n)).ids();
    expect(new Set(ids).size, `${keyOf(n)} has an id twice`).toBe(ids.length);
    for (const { client, asked } of lines.filter(({ key }) => key === keyOf(n))) {
      const mine = ids.filter((id) => id.startsWith(`${client}:`));
      const there = new Set(mine);
      const expected = asked.filter(({ id, fate }) => fate === 'ok' || there.has(id));
      expect(mine).toEqual(expected.map(({ id }) => id));
      for (const { id, fate } of asked) if (fate === 'none') expect(mine).not.toContain(id);
      acknowledged += asked.filter(({ fate }) => fate === 'ok').length;
    }
  }
  return acknowledged;
}
