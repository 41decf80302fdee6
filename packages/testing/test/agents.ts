/** What the tests deploy: written as users write it. */
import { actor, task, workflow } from '@troupe/sdk';

/** How often each side effect was done outside. */
export const outside = new Map<string, number>();

export const Librarian = actor('Librarian', {
  state: () => ({ notes: [] as string[] }),
  methods: {
    async learn(c, url: string) {
      const page = await c.step('fetch', () => fetched(url), { retries: 3, backoffMs: 60_000 });
      c.state.notes.push(page);
      return c.state.notes.length;
    },
    note(c, text: string) {
      c.state.notes.push(text);
      return c.state.notes.length;
    },
    tell(c, other: string, text: string) {
      c.send(Librarian, other).note(text);
    },
    async ask(c, other: string, text: string): Promise<number> {
      return await c.actor(Librarian, other).note(text);
    },
    async askAround(c, ring: readonly string[]): Promise<void> {
      const [next, ...rest] = ring;
      if (next !== undefined) await c.actor(Librarian, next).askAround(rest);
    },
    forget() {
      throw new Error('a librarian never forgets');
    },
    async dream() {
      await new Promise(() => undefined);
    },
    async wait(c, gate: string) {
      c.state.notes.push((await gates.get(gate)?.promise) ?? 'no gate');
    },
  },
  reads: {
    notes: (c) => c.state.notes,
    spoil: (c) => {
      (c.state.notes as string[]).push('written by a read');
    },
  },
});

async function fetched(url: string): Promise<string> {
  const times = (outside.get(url) ?? 0) + 1;
  outside.set(url, times);
  if (url.startsWith('flaky') && times < 3) throw new Error(`${url} is down`);
  return `${url}, read`;
}

/** Opened by a test while a turn waits in the real world. */
const gates = new Map<string, PromiseWithResolvers<string>>();

export function newGate(name: string): PromiseWithResolvers<string> {
  let resolve: (text: string) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<string>((give, refuse) => {
    resolve = give;
    reject = refuse;
  });
  const gate = { promise, resolve, reject };
  gates.set(name, gate);
  return gate;
}

export const double = task('double', (_c, n: number) => 2 * n);

export const large = task('large', () => 'x'.repeat(600_000));

let stumbles = 0;
export const stumble = task(
  'stumble',
  () => {
    stumbles += 1;
    if (stumbles < 3) throw new Error('stumbled');
    return 'arrived';
  },
  { retries: 3, backoffMs: 30_000 },
);

export const publish = workflow('publish', (w, input: { readonly text: string }) => {
  const draft = w.call('draft', Librarian, 'drafts', 'note', [input.text]);
  const answer = w.pause<string>('approve', 'may it go out?', {
    after: ['draft'],
    limitMs: 86_400_000,
  });
  return { draft, answer };
});
