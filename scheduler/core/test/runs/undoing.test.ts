import { type Block, encodeValue, limits, runId, type Undo } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/dag/index.ts';
import { codeOf, failed, type Scene, stateOf, task, tenant, workflow } from '../scene.ts';
import {
  child,
  flow,
  live,
  loop,
  output,
  parallel,
  pause,
  ref,
  refusal,
  resume,
  run,
  wait,
  work,
} from './flow.ts';

/** Undone by a task that is told what the block came to. */
function undone(id: string, given: Partial<Block> = {}, input: unknown = ref('done', id)): Block {
  const undo = { kind: 'task', task: 'work', input } as Undo;
  return { ...work(id), undo, ...given } as Block;
}

const bad = work('bad', { after: ['hotel', 'flight'] });

/** Two blocks done, the flight last, and a third that failed. */
function failedTrip(given: { limitMs?: number } = {}): Scene {
  const scene = flow([undone('hotel'), undone('flight'), bad], given);
  scene.starts('flow');
  scene.blockFinishes('hotel', 'H');
  scene.blockFinishes('flight', 'F');
  scene.finishes('run:r1:bad', failed('USER_ERROR'));
  return scene;
}

function undoes(scene: Scene, block: string, id = 'r1'): void {
  scene.blockFinishes(`${block}/undo`, null, id);
}

function ends(scene: Scene, id = 'r1') {
  const { state, outcome } = scene.view(id);
  return [state, codeOf(outcome)];
}

describe('a run that fails', () => {
  it('undoes what it did before its outcome is told, what ended last first, one after the other', () => {
    const scene = failedTrip();
    const waits = scene.ask({ kind: 'wait-run', run, waitMs: 60_000 });
    expect(live(scene)).toEqual(['flight/undo']);
    expect(scene.inputOf('flight/undo')).toBe('F');
    const { state, outcome, undo } = scene.view();
    expect([state, outcome]).toEqual(['running', undefined]);
    expect(undo).toMatchObject({
      failure: { code: 'USER_ERROR' },
      done: 0,
      all: 2,
      blocks: [
        { block: 'flight', state: 'running' },
        { block: 'hotel', state: 'waiting' },
      ],
    });
    undoes(scene, 'flight');
    expect(live(scene)).toEqual(['hotel/undo']);
    expect(scene.answer(waits)).toBeUndefined();
    undoes(scene, 'hotel');
    expect(ends(scene)).toEqual(['failed', 'USER_ERROR']);
    expect(scene.answer(waits)).toMatchObject({ run: { state: 'failed' } });
    expect(scene.view().undo).toMatchObject({ done: 2, failed: 0, all: 2 });
  });

  it('and has nothing to undo ends at once, as does one that came to its output', () => {
    const nothing = flow([undone('hotel'), work('bad')]);
    nothing.starts('flow');
    nothing.finishes('run:r1:hotel', failed('USER_ERROR'));
    expect(ends(nothing)).toEqual(['failed', 'USER_ERROR']);
    const well = flow([undone('hotel')], { output: ref('blocks', 'hotel') });
    well.starts('flow');
    well.blockFinishes('hotel', 'H');
    expect(output(well)).toBe('H');
    expect([...nothing.kinds(), ...well.kinds()]).not.toContain('run-undoing');
  });

  it('whose failure an error edge takes undoes nothing', () => {
    const scene = flow([undone('hotel'), work('bad', { after: ['hotel'] }), work('mend')], {
      edges: [{ from: 'bad', to: 'mend', port: 'error' }],
    });
    scene.starts('flow');
    scene.blockFinishes('hotel', 'H');
    scene.finishes('run:r1:bad', failed('USER_ERROR'));
    expect(live(scene)).toEqual(['mend']);
    scene.blockFinishes('mend', 1);
    expect(scene.view()).toMatchObject({ state: 'done' });
    expect(scene.kinds()).not.toContain('run-undoing');
  });

  it.each(['facts', 'image'] as const)(
    'goes on undoing under another leader, from its %s, and undoes nothing twice',
    (from) => {
      const scene = failedTrip();
      scene.failOver(from);
      scene.pass(1_100);
      expect(live(scene)).toEqual(['flight/undo']);
      undoes(scene, 'flight');
      scene.failOver(from);
      scene.pass(1_100);
      expect(live(scene)).toEqual(['hotel/undo']);
      expect(scene.inputOf('hotel/undo')).toBe('H');
      undoes(scene, 'hotel');
      scene.failOver(from);
      expect(ends(scene)).toEqual(['failed', 'USER_ERROR']);
      const submitted = scene.decided('task-submitted').map(({ task: id }) => id);
      expect(submitted.filter((id) => id.endsWith('/undo'))).toEqual([
        'run:r1:flight/undo',
        'run:r1:hotel/undo',
      ]);
    },
  );

  it('tries an undo five more times, and names what could not be undone, with why it had failed', () => {
    const scene = failedTrip();
    for (let tries = 0; tries <= limits.undoRetries; tries++) {
      scene.finishes('run:r1:flight/undo', failed('USER_ERROR'));
      scene.pass(6_000);
    }
    expect(live(scene)).toEqual(['hotel/undo']);
    undoes(scene, 'hotel');
    const { outcome, state, undo } = scene.view();
    expect(state).toBe('failed');
    expect(undo).toMatchObject({ done: 1, failed: 1, all: 2 });
    expect(outcome).toMatchObject({
      failure: {
        code: 'COMPENSATION_FAILED',
        details: { blocks: 'flight', code: 'USER_ERROR', run: 'r1' },
      },
    });
  });

  it('ends when the time to undo is over, and names what was not undone', () => {
    const scene = failedTrip({ limitMs: 30_000 });
    scene.pass(29_000);
    expect(live(scene)).toEqual(['flight/undo']);
    scene.failOver();
    scene.pass(31_000);
    expect(live(scene)).toEqual([]);
    expect(scene.view().outcome).toMatchObject({
      failure: { code: 'COMPENSATION_FAILED', details: { blocks: 'flight, hotel' } },
    });
    scene.failOver('image');
    expect(ends(scene)).toEqual(['failed', 'COMPENSATION_FAILED']);
  });

  it('whose undo cannot be said goes on with the others', () => {
    const undo = { kind: 'task', task: 'work', input: ref('done', 'flight', 'none') } as Undo;
    const scene = flow([undone('hotel'), undone('flight', { undo }), bad]);
    scene.starts('flow');
    scene.blockFinishes('hotel', 'H');
    scene.blockFinishes('flight', { some: 1 });
    scene.finishes('run:r1:bad', failed('USER_ERROR'));
    expect(live(scene)).toEqual(['hotel/undo']);
    undoes(scene, 'hotel');
    expect(ends(scene)).toEqual(['failed', 'COMPENSATION_FAILED']);
  });

  it('may be undone by a call of an actor', () => {
    const undo: Undo = {
      kind: 'call',
      type: 'Cart',
      key: ref('input', 'cart'),
      method: 'add',
      args: [ref('done', 'hotel', 'price')],
    };
    const scene = flow([undone('hotel', { undo }), work('bad', { after: ['hotel'] })]);
    scene.starts('flow', { cart: 'c1' });
    scene.blockFinishes('hotel', { price: 9 });
    scene.finishes('run:r1:bad', failed('USER_ERROR'));
    const call = { type: 'Cart', key: 'c1', method: 'add', args: [9] };
    expect(scene.inputOf('hotel/undo')).toEqual(call);
  });
});

describe('a run that is cancelled, or out of time', () => {
  it('undoes what it did; nobody can cancel that, move it, or answer a pause of it', () => {
    const scene = flow([undone('hotel'), pause('p', { after: ['hotel'] })]);
    scene.starts('flow');
    scene.blockFinishes('hotel', 'H');
    scene.asks({ kind: 'cancel-run', run });
    scene.asks({ kind: 'cancel-run', run });
    expect(live(scene)).toEqual(['hotel/undo']);
    expect(refusal(resume(scene, 'p', 1))).toContain('of a run that undoes what it did');
    expect(scene.code(scene.asks({ kind: 'move-run', run }))).toBe('WRONG_STATE');
    undoes(scene, 'hotel');
    expect(ends(scene)).toEqual(['cancelled', 'CANCELLED']);
  });

  it('undoes what it did when its time is over, and has that time once more for it', () => {
    const scene = flow([undone('hotel'), wait('w', 100_000)], { limitMs: 20_000 });
    scene.starts('flow');
    scene.blockFinishes('hotel', 'H');
    scene.pass(35_000);
    expect(live(scene)).toEqual(['hotel/undo']);
    undoes(scene, 'hotel');
    expect(ends(scene)).toEqual(['failed', 'TIME_LIMIT']);
  });
});

describe('a block that was at work when its run ended', () => {
  it('is undone with null, once its attempt is over on its node', () => {
    const scene = flow([undone('hotel'), undone('flight')]);
    scene.starts('flow');
    scene.blockFinishes('hotel', 'H');
    scene.asks({ kind: 'cancel-run', run });
    expect(live(scene)).toEqual([]);
    scene.blockFinishes('flight', 'too late');
    expect(scene.inputOf('flight/undo')).toBeNull();
    undoes(scene, 'flight');
    expect(scene.inputOf('hotel/undo')).toBe('H');
    undoes(scene, 'hotel');
    expect(ends(scene)).toEqual(['cancelled', 'CANCELLED']);
  });

  it('is undone when its node says nothing for ten seconds, also under a new leader, which tells the node again', () => {
    const scene = flow([undone('flight')]);
    scene.starts('flow');
    const [node] = scene.started('run:r1:flight');
    scene.asks({ kind: 'cancel-run', run });
    scene.pass(4_000);
    scene.failOver();
    expect(node && scene.to(node.node, 'cancel-task')).toHaveLength(1);
    expect(live(scene)).toEqual([]);
    scene.pass(11_000);
    expect(live(scene)).toEqual(['flight/undo']);
  });

  it('is not undone when it failed, or had not begun', () => {
    const first = undone('a', { each: [1, 2], inFlightMax: 1 });
    const scene = flow([first, work('bad'), pause('p')]);
    scene.starts('flow');
    scene.blockFinishes('a[0]', 'A');
    scene.finishes('run:r1:a[1]', failed('USER_ERROR'));
    expect(live(scene)).toEqual(['a[0]/undo']);
    undoes(scene, 'a[0]');
    expect(ends(scene)).toEqual(['failed', 'USER_ERROR']);
  });
});

describe('in rounds and branches', () => {
  it('each is undone by what it came to, and by what stood around it then', () => {
    const input = [
      ref('done', 'b'),
      ref('index'),
      ref('item'),
      ref('around', 'outer', 'index'),
      ref('blocks', 'a'),
      ref('blocks', 'first'),
      ref('around', 'inside', 'last'),
    ];
    const blocks = [
      work('first'),
      loop('outer', { after: ['first'], rounds: { count: 2 } }),
      work('a', { in: 'outer', input: ref('index') }),
      loop('inside', {
        in: 'outer',
        rounds: { items: ref('blocks', 'a') },
        result: 'b',
      }),
      undone('b', { in: 'inside' } as Partial<Block>, input),
      work('bad', { after: ['outer'] }),
    ];
    const scene = flow(blocks);
    scene.starts('flow');
    scene.blockFinishes('first', 'F');
    for (const outer of [0, 1]) {
      scene.blockFinishes(`a[${outer}]`, [`x${outer}`, `y${outer}`]);
      for (const at of [0, 1]) scene.blockFinishes(`b[${outer}][${at}]`, `b${outer}${at}`);
    }
    scene.finishes('run:r1:bad', failed('USER_ERROR'));
    const seen: unknown[] = [];
    for (const id of ['b[1][1]', 'b[1][0]', 'b[0][1]', 'b[0][0]']) {
      scene.failOver('image');
      scene.pass(1_100);
      seen.push(scene.inputOf(`${id}/undo`));
      undoes(scene, id);
    }
    expect(seen).toEqual([
      ['b11', 1, 'y1', 1, ['x1', 'y1'], 'F', 'b10'],
      ['b10', 0, 'x1', 1, ['x1', 'y1'], 'F', null],
      ['b01', 1, 'y0', 0, ['x0', 'y0'], 'F', 'b00'],
      ['b00', 0, 'x0', 0, ['x0', 'y0'], 'F', null],
    ]);
    expect(ends(scene)).toEqual(['failed', 'USER_ERROR']);
  });

  it('branches are undone in the order in which they ended, the last first', () => {
    const each = undone('e', { each: ['x', 'y'] }, [ref('done', 'e'), ref('item'), ref('index')]);
    const scene = flow([each, work('bad', { after: ['e'] })]);
    scene.starts('flow');
    scene.blockFinishes('e[1]', 'E1');
    scene.blockFinishes('e[0]', 'E0');
    scene.finishes('run:r1:bad', failed('USER_ERROR'));
    expect(scene.inputOf('e[0]/undo')).toEqual(['E0', 'x', 0]);
    undoes(scene, 'e[0]');
    expect(scene.inputOf('e[1]/undo')).toEqual(['E1', 'y', 1]);
    undoes(scene, 'e[1]');
    expect(ends(scene)).toEqual(['failed', 'USER_ERROR']);
  });

  it('what was let go of as a failure around it was taken is undone too, when the run fails after all', () => {
    const blocks = [
      parallel('side', { branches: { count: 3 } }),
      undone('b', { in: 'side' } as Partial<Block>),
      work('mend'),
    ];
    const edges = [{ from: 'side', to: 'mend', port: 'error' }];
    const scene = flow(blocks, { edges });
    scene.starts('flow');
    scene.blockFinishes('b[0]', 'B0');
    scene.finishes('run:r1:b[1]', failed('USER_ERROR'));
    scene.blockFinishes('b[2]', 'too late');
    scene.finishes('run:r1:mend', failed('USER_ERROR'));
    scene.pass(11_000);
    expect(scene.inputOf('b[2]/undo')).toBeNull();
    undoes(scene, 'b[2]');
    expect(scene.inputOf('b[0]/undo')).toBe('B0');
    undoes(scene, 'b[0]');
    expect(ends(scene)).toEqual(['failed', 'USER_ERROR']);
  });
});

describe('a run within another', () => {
  const inner = workflow('inner', [undone('a'), work('z', { after: ['a'] })], ref('blocks', 'a'));

  it('that fails undoes itself, and then fails its block, which is not undone', () => {
    const scene = flow([undone('hotel'), child('c', { after: ['hotel'] })], {}, [inner]);
    scene.starts('flow');
    scene.blockFinishes('hotel', 'H');
    scene.blockFinishes('a', 'A', 'r1/c');
    scene.finishes('run:r1/c:z', failed('USER_ERROR'));
    expect([live(scene, 'r1/c'), live(scene)]).toEqual([['a/undo'], []]);
    undoes(scene, 'a', 'r1/c');
    expect(live(scene)).toEqual(['hotel/undo']);
    undoes(scene, 'hotel');
    expect(ends(scene)).toEqual(['failed', 'USER_ERROR']);
  });

  it('that ended well is undone by what its block says', () => {
    const undo = { kind: 'task', task: 'work', input: ref('done', 'c') } as Undo;
    const scene = flow([child('c', { undo }), work('bad', { after: ['c'] })], {}, [inner]);
    scene.starts('flow');
    scene.blockFinishes('a', 'A', 'r1/c');
    scene.blockFinishes('z', 'Z', 'r1/c');
    scene.finishes('run:r1:bad', failed('USER_ERROR'));
    expect(scene.inputOf('c/undo')).toBe('A');
    expect(live(scene, 'r1/c')).toEqual([]);
  });

  it('that is at work undoes itself first, and its parent waits for that and says what it could not undo', () => {
    const scene = flow([undone('hotel'), child('c')], {}, [inner]);
    scene.starts('flow');
    scene.blockFinishes('hotel', 'H');
    scene.blockFinishes('a', 'A', 'r1/c');
    scene.asks({ kind: 'cancel-run', run });
    expect([live(scene, 'r1/c'), live(scene)]).toEqual([['a/undo'], []]);
    scene.failOver('image');
    scene.finishes('run:r1/c:a/undo', failed('INVALID_ARGUMENT'));
    expect(ends(scene, 'r1/c')).toEqual(['cancelled', 'COMPENSATION_FAILED']);
    expect(live(scene)).toEqual(['hotel/undo']);
    scene.pass(1_100);
    undoes(scene, 'hotel');
    expect(scene.view()).toMatchObject({
      state: 'cancelled',
      outcome: {
        failure: { code: 'COMPENSATION_FAILED', details: { blocks: 'c', code: 'CANCELLED' } },
      },
    });
  });
});

it('a run that starts again runs anew what was undone, and all that came after it', () => {
  const first = work('first');
  const scene = flow([
    first,
    undone('hotel', { after: ['first'] }),
    work('next', { after: ['hotel'] }),
    work('bad', { after: ['next'] }),
  ]);
  scene.starts('flow');
  scene.blockFinishes('first', 1);
  scene.blockFinishes('hotel', 'H');
  scene.blockFinishes('next', 2);
  scene.finishes('run:r1:bad', failed('USER_ERROR'));
  const from = { run, failedOnly: true } as const;
  const body = { run: runId('r2'), tenant, workflow: 'flow', input: encodeValue({}), from };
  expect(refusal(scene.asks({ kind: 'start-run', ...body }))).toContain('undoes what it did');
  undoes(scene, 'hotel');
  scene.asks({ kind: 'start-run', ...body });
  expect(live(scene, 'r2')).toEqual(['hotel']);
  const before = stateOf(scene.machine);
  scene.failOver();
  expect(live(scene, 'r2')).toEqual(['hotel']);
  expect(before.length).toBeGreaterThan(0);
});

it('an undo that cannot be is refused when it is compiled', () => {
  const faultOf = (block: Block): string => {
    const compiled = compile(workflow('flow', [work('a'), block]), { tasks: [task('work')] });
    return 'failure' in compiled ? compiled.failure.message : 'none';
  };
  const by = (given: object, at: object = {}) =>
    faultOf(undone('b', { undo: { kind: 'task', task: 'work', input: null, ...given }, ...at }));
  expect(by({})).toBe('none');
  expect(by({ task: 'none' })).toContain('is undone by task "none"');
  expect(by({ retries: -1 })).toContain('has an undo that has retries -1');
  expect(by({ input: ref('blocks', 'none') })).toContain('refers to block "none"');
  expect(by({ input: ref('done', 'a') })).toContain('refers to what "a" has done');
  expect(faultOf(work('b', { input: ref('done', 'b') }))).toContain('refers to what "b" has done');
  expect(faultOf(pause('b', { undo: { kind: 'task', task: 'work', input: null } }))).toContain(
    'is a pause, which has nothing to undo',
  );
});
