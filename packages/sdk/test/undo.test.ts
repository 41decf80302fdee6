import { describe, expect, test } from 'vitest';
import { compile } from '../../../scheduler/core/src/dag/index.ts';
import { actor, type Ref, task, type WorkflowDefinition, workflow } from '../src/define.ts';

const book = task('book', (_c, input: { hotel: string }) => ({ number: input.hotel.length }));
const cancel = task('cancel', (_c, input: { number: number; why: string }) => input.number);
const Account = actor('Account', {
  state: () => ({ sum: 0 }),
  methods: { pay: (c, sum: number) => c.state.sum - sum },
});
const inner = workflow('inner', (w, input: Ref<string>) => w.task('b', book, { hotel: input }));

type Input = { hotel: string; hotels: string[]; account: string };

function undoIn(definition: WorkflowDefinition<never, unknown>, id: string) {
  const compiled = compile(definition.workflow, { tasks: [book, cancel] });
  if ('failure' in compiled) throw new Error(compiled.failure.message);
  return definition.workflow.blocks.find((block) => block.id === id)?.undo;
}

describe('what undoes a block', () => {
  test('is a task or a call, and is told what the block came to', () => {
    const trip = workflow('trip', (w, input: Ref<Input>) => {
      const first = w.task(
        'first',
        book,
        { hotel: input.hotel },
        {
          undo: (done, by) => by.task(cancel, { number: done.number, why: 'no' }, { retries: 9 }),
        },
      );
      w.each('all', input.hotels, book, (hotel) => ({ hotel }), {
        undo: (done, by, hotel) => by.task(cancel, { number: done.number, why: hotel }),
      });
      w.call('pay', Account, input.account, 'pay', [first.number], {
        undo: (done, by) => by.call(Account, input.account, 'pay', [done]),
      });
      w.run('within', inner, input.hotel, {
        undo: (done, by) => by.task(cancel, { number: done.number, why: w.text`${first.number}` }),
      });
    });
    expect(undoIn(trip, 'first')).toEqual({
      kind: 'task',
      task: 'cancel',
      input: { number: { $ref: ['done', 'first', 'number'] }, why: 'no' },
      retries: 9,
    });
    expect(undoIn(trip, 'all')).toMatchObject({
      input: { number: { $ref: ['done', 'all', 'number'] }, why: { $ref: ['item'] } },
    });
    expect(undoIn(trip, 'pay')).toEqual({
      kind: 'call',
      type: 'Account',
      key: { $ref: ['input', 'account'] },
      method: 'pay',
      args: [{ $ref: ['done', 'pay'] }],
    });
    expect(undoIn(trip, 'within')).toMatchObject({ task: 'cancel' });
    // It comes after what undoes it refers to.
    expect(trip.workflow.blocks.find(({ id }) => id === 'within')?.after).toEqual(['first']);
  });

  test('is refused where the module loads, when it is none or uses what is not its own', () => {
    const refusal = (build: Parameters<typeof workflow<Input, unknown>>[1]): string => {
      try {
        workflow('trip', build);
      } catch (thrown) {
        return String(thrown);
      }
      return 'none';
    };
    let leaked: Ref<{ number: number }> | undefined;
    const undone = refusal((w, input) => {
      w.task(
        'first',
        book,
        { hotel: input.hotel },
        {
          undo: (done, by) => {
            leaked = done;
            return by.task(cancel, { number: done.number, why: 'no' });
          },
        },
      );
      return leaked;
    });
    expect(undone).toContain('output uses what first has done');
    const other = refusal((w, input) => {
      w.task(
        'first',
        book,
        { hotel: input.hotel },
        {
          undo: (done, by) => {
            leaked = done;
            return by.task(cancel, { number: done.number, why: 'no' });
          },
        },
      );
      w.task('second', cancel, { number: leaked?.number ?? 0, why: 'no' });
    });
    expect(other).toContain('uses what first has done, which only what undoes that block can');
    const none = refusal((w, input) => {
      w.task('first', book, { hotel: input.hotel }, { undo: () => undefined as never });
    });
    expect(none).toContain('block first has an undo that is none');
    const method = refusal((w, input) => {
      w.task(
        'first',
        book,
        { hotel: input.hotel },
        {
          undo: (_done, by) => by.call(Account, 'a', 'steal' as 'pay', [1]),
        },
      );
    });
    expect(method).toContain('calls Account.steal, which does not exist');
  });
});
