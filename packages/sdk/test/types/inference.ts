/** Read by the compiler only: what users may write, and what they may not. */
import {
  type ActorCalls,
  actor,
  type ClientCalls,
  type Ref,
  type TopicMessage,
  type Troupe,
  task,
  workflow,
} from '@troupe/sdk';

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_proof: Same<A, B>): void {}

export const Counter = actor('Counter', {
  state: () => ({ count: 0, names: [] as string[] }),
  methods: {
    inc(c, by: number) {
      same<typeof c.state, { count: number; names: string[] }>(true);
      c.state.count += by;
      c.state = { ...c.state, names: [] };
      return c.state.count;
    },
    async fetch(c, url: string, tries = 3) {
      const page = await c.step('fetch', async ({ effectId, signal }) => ({
        url,
        effectId,
        signal,
      }));
      same<typeof page.url, string>(true);
      c.send(Other, 'x').note('hello');
      // @ts-expect-error a send gives nothing back
      await c.send(Other, 'x').note('hello').then();
      const said = await c.actor(Other, 'x').note('hello');
      same<typeof said, boolean>(true);
      return tries;
    },
    async several(c) {
      const booked = c.step('book', async () => ({ seat: 7 }), {
        compensate: (was, { effectId }) => {
          same<typeof was, { seat: number } | undefined>(true);
          return effectId;
        },
      });
      const [seat, said] = await c.all([booked, c.actor(Other, 'x').note('hello')]);
      same<typeof seat, { seat: number }>(true);
      same<typeof said, boolean>(true);
      const first = await c.race([c.step('a', () => 1), c.waitFor<string>('b', { limitMs: 5 })]);
      same<typeof first, string | number>(true);
      // @ts-expect-error numbers are no steps
      await c.all([1, 2]);
      c.compensate('note', async (undo) => {
        const again = await undo.actor(Other, 'x').note('undone');
        same<typeof again, boolean>(true);
      });
      await c.signalTo(Other, 'x', 'b', { by: 'Ada' });
      return first;
    },
    reset(c) {
      c.state.count = 0;
    },
  },
  reads: {
    current(c) {
      // @ts-expect-error a read changes nothing
      c.state.count = 1;
      // @ts-expect-error nor does it take steps
      c.step('x', () => 1);
      return c.state.count;
    },
  },
});

export const Other = actor('Other', {
  state: (key) => ({ key, notes: new Map<string, string>().size }),
  methods: {
    note(c, text: string) {
      same<typeof c.state.key, string>(true);
      return text.length > c.state.notes;
    },
  },
});

export const Reader = actor('Reader', {
  state: () => ({ read: 0 }),
  methods: {
    async *pages(c, to: number) {
      same<ReturnType<typeof c.continueStream>, number>(true);
      for (let page = 0; page < to; page++) yield { page };
      c.state.read += to;
      return `${c.state.read} read`;
    },
    *plainly(_c, to: number) {
      yield to;
    },
    count: (c) => c.state.read,
  },
});

export async function streams(troupe: Troupe): Promise<void> {
  const reader = troupe.actor(Reader, 'k', { stream: 'mine', from: 3 });
  const stream = reader.stream.pages(3);
  for await (const value of stream) same<typeof value, { page: number }>(true);
  const reply = await stream.reply();
  same<typeof reply, string>(true);
  const whole = await reader.pages(3);
  same<typeof whole, string>(true);
  for await (const value of reader.stream.plainly(1)) same<typeof value, number>(true);
  // @ts-expect-error the argument is a number
  reader.stream.pages('3');
  // @ts-expect-error it yields nothing
  reader.stream.count();
  const untyped = troupe.actor('Reader', 'k').stream.pages?.(3);
  for await (const value of untyped ?? []) same<typeof value, unknown>(true);
}

export async function calls(troupe: Troupe): Promise<void> {
  const counter = troupe.actor(Counter, 'k', { deadlineMs: 1_000 });
  same<typeof counter, ClientCalls<typeof Counter>>(true);
  const plainly: ActorCalls<typeof Counter> = counter;
  await plainly.inc(1);
  same<Parameters<typeof counter.inc>, [by: number]>(true);
  same<Parameters<typeof counter.fetch>, [url: string, tries?: number | undefined]>(true);
  const one: number = await counter.inc(1);
  const now = await counter.current();
  same<typeof now, number>(true);
  same<typeof one, number>(true);
  // @ts-expect-error the argument is a number
  await counter.inc('1');
  // @ts-expect-error there is no such method
  await counter.dec(1);
  const untyped = await troupe.actor('Counter', 'k').inc?.(1);
  same<typeof untyped, unknown>(true);
  await troupe.signal(Counter, 'k', 'b', 'yes');
  const planned = await troupe.task(plan, { folder: 'x' });
  same<typeof planned, { files: string[]; cost: number }>(true);
  // @ts-expect-error the input has a folder
  await troupe.task(plan, {});
  const run = await troupe.start(crew, { folder: 'x', team: 't' });
  const result = await run.result();
  same<typeof result.pages, { text: string; index: number }[]>(true);
  same<typeof result.total, number>(true);
  same<typeof result.answer, { yes: boolean }>(true);
  same<typeof result.fixed, string>(true);
  // @ts-expect-error the input has a team
  await troupe.start(crew, { folder: 'x' });
}

export const plan = task('plan', async (c, input: { folder: string }) => {
  same<typeof c.attempt, number>(true);
  await c.actor(Counter, 'k').inc(1);
  return { files: [input.folder], cost: 1 };
});

export const read = task(
  'read',
  (_c, input: { file: string; index: number; cost?: number }) => ({
    text: input.file,
    index: input.index,
  }),
  { resources: { cpu: 0.5, memory: 100 }, retries: 2, backoffMs: [10, 100] },
);

export const crew = workflow('crew', (w, input: Ref<{ folder: string; team: string }>) => {
  const planned = w.task('plan', plan, { folder: input.folder });
  const pages = w.each('read', planned.files, read, (file, index) => ({ file, index }), {
    inFlightMax: 8,
  });
  same<typeof pages, Ref<{ text: string; index: number }[]>>(true);
  w.task('again', plan, { folder: pages[0]?.text ?? 'none' });
  // @ts-expect-error the folder is a string
  w.task('wrong', plan, { folder: planned.cost });
  w.task(
    'undone',
    plan,
    { folder: input.folder },
    {
      undo: (done, by) => {
        same<typeof done, typeof planned>(true);
        // @ts-expect-error the folder is a string
        by.task(plan, { folder: done.cost });
        // @ts-expect-error the argument is a number
        by.call(Counter, input.team, 'inc', [done.files]);
        return by.call(Counter, input.team, 'inc', [done.cost]);
      },
    },
  );
  const total = w.call('count', Counter, input.team, 'inc', [planned.cost], { after: [pages] });
  // @ts-expect-error the argument is a number
  w.call('count2', Counter, input.team, 'inc', [planned.files]);
  // @ts-expect-error there is no such method
  w.call('count3', Counter, input.team, 'dec', [1]);
  const answer = w.pause<{ yes: boolean }>('approve', { question: 'publish?', total });
  const free = w.pause('free', 'anything?', { after: ['approve'] });
  w.task('use', plan, { folder: free.folder as Ref<string> });
  return { pages, total, answer, fixed: 'x' };
});

export const route = task('route', (_c, input: string) => ({
  port: input.length > 3 ? ('long' as const) : ('short' as const),
  size: input.length,
}));

export const blocks = workflow('blocks', (w, input: Ref<{ files: string[]; team: string }>) => {
  const counted = w.repeat('counted', 3, (index) => {
    same<typeof index, Ref<number>>(true);
    const planned = w.task('p', plan, { folder: input.team });
    return { cost: planned.cost, index, fixed: 'x' as const };
  });
  same<typeof counted, Ref<{ cost: number; index: number; fixed: 'x' }[]>>(true);
  const each = w.forEach('each', input.files, (file, index) => {
    same<typeof file, Ref<string>>(true);
    return w.parallel('inner', [1, 2], (n) => {
      same<typeof n, Ref<number>>(true);
      return w.task('r', read, { file, index, cost: n });
    });
  });
  same<typeof each, Ref<{ text: string; index: number }[][]>>(true);
  const drafts = w.until(
    'drafts',
    () => w.task('d', plan, { folder: 'x' }),
    (draft, index) => {
      same<typeof draft, Ref<{ files: string[]; cost: number }>>(true);
      same<typeof index, Ref<number>>(true);
      return { when: 'cost > 1.0', values: { cost: draft.cost } };
    },
    { roundsMax: 3 },
  );
  same<typeof drafts, Ref<{ files: string[]; cost: number }[]>>(true);
  const last = w.last(drafts);
  same<typeof last, Ref<{ files: string[]; cost: number }>>(true);
  w.repeat('carried', 2, (index, before: Ref<{ n: number }>) => {
    same<typeof before.n, Ref<number>>(true);
    return { n: index, more: before.n };
  });
  // @ts-expect-error the next round would get a text for a number
  w.repeat('carried2', 2, (_index, before: Ref<{ n: number }>) => ({ n: `${typeof before}` }));
  const votes = w.branches('votes', 3, (index) => w.value('vote', { index }));
  same<typeof votes, Ref<{ index: number }[]>>(true);
  const verdict = w.choice('verdict', {
    values: { cost: last.cost },
    cases: { good: 'cost > 3.0', fair: 'cost > 1.0' },
    otherwise: 'bad',
  });
  same<typeof verdict.result.port, Ref<'good' | 'fair' | 'bad' | null>>(true);
  // @ts-expect-error there is no such case
  w.value('never', 1, { after: [verdict.port('god')] });
  const way = w.route('way', route, 'x', { retries: 1 });
  w.value('short', way.result.size, { after: [way.port('short'), verdict.port('bad')] });
  // @ts-expect-error the task names no such port
  w.value('never', 1, { after: [way.port('middle')] });
  // @ts-expect-error a task without a port makes no route
  w.route('no', plan, { folder: 'x' });
  const child = w.run('child', crew, { folder: w.text`in ${input.team}`, team: 't' });
  same<typeof child.total, Ref<number>>(true);
  // @ts-expect-error the child has an input with a team
  w.run('child2', crew, { folder: 'x' });
  w.call('retried', Counter, 'k', 'reset', [], { priority: 'high', backoffMs: [1] });
  // @ts-expect-error there is no such priority
  w.task('urgent', plan, { folder: 'x' }, { priority: 'urgent' });
  const why = w.failure(child);
  same<typeof why.message, Ref<string>>(true);
  w.wait('nap', last.cost);
  const said = w.answer('said', { early: last.cost }, { after: [w.settled(child)] });
  const first = w.first(said, { early: 0 });
  return { first, total: child.total, why: why.code };
});

export async function outputs(troupe: Troupe): Promise<void> {
  const run = await troupe.start(blocks, { files: [], team: 't' });
  const { first, total, why } = await run.result();
  same<typeof first.early, number>(true);
  same<typeof total, number>(true);
  same<typeof why, string>(true);
}

export const Trader = actor('Trader', {
  state: () => ({ last: 0 }),
  methods: {
    async open(c) {
      const after = await c.subscribe('prices', 'onPrice');
      same<typeof after, number>(true);
      c.publish('news', { opened: c.key });
      // @ts-expect-error what is published gives nothing back
      c.publish('news', 1).then();
    },
    onPrice(c, price: { eur: number }, about: TopicMessage) {
      c.state.last = price.eur + about.number;
    },
  },
  reads: { last: (c) => c.state.last },
});

export async function topics(troupe: Troupe): Promise<void> {
  const prices = troupe.topic<{ eur: number }>('prices');
  await prices.subscribe(Trader, 'ada', 'onPrice');
  await prices.subscribe('Trader', 'ada', 'whatever');
  // @ts-expect-error a read takes no messages
  await prices.subscribe(Trader, 'ada', 'last');
  const number = await prices.publish({ eur: 1 });
  same<typeof number, number>(true);
  // @ts-expect-error this is no price
  await prices.publish('1');
  const left = await prices.unsubscribe(Trader, 'ada');
  same<typeof left, boolean>(true);
}
