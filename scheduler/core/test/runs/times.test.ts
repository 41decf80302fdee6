import { encodeValue, runId, type Workflow } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { codeOf, task, tenant, workflow } from '../scene.ts';
import {
  child,
  flow,
  live,
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

const day = 86_400_000;

describe('a wait', () => {
  it('ends when its time has come, not before', () => {
    const scene = flow([wait('w', ref('input')), work('a', { after: ['w'] })]);
    expect(scene.starts('flow', 5_000)).toMatchObject({ state: 'waiting' });
    scene.pass(4_999);
    expect(live(scene)).toEqual([]);
    scene.pass(1);
    expect(live(scene)).toEqual(['a']);
  });

  it('is never early and little late, whoever leads meanwhile', () => {
    const scene = flow([wait('w', 100 * 3_600_000), work('a', { after: ['w'] })]);
    scene.beating.clear();
    scene.starts('flow');
    const began = scene.now;
    for (let hour = 0; hour < 4; hour++) {
      scene.pass(24 * 3_600_000);
      scene.failOver();
    }
    scene.pass(4 * 3_600_000 - 1);
    expect(live(scene)).toEqual([]);
    scene.pass(4 * 60_000 + 1);
    expect(live(scene)).toEqual(['a']);
    expect(scene.now - began).toBeLessThan(100 * 3_600_000 + 5 * 60_000);
  });

  it('is as long as it was asked for when whoever led before had led for hours with nothing that waits', () => {
    const scene = flow([wait('w', 1_000), work('a', { after: ['w'] })]);
    scene.beating.clear();
    scene.pass(10 * 3_600_000);
    scene.starts('flow');
    scene.failOver();
    scene.pass(999);
    expect(live(scene)).toEqual([]);
    scene.pass(60_001);
    expect(live(scene)).toEqual(['a']);
  });

  it('of any length costs a line a minute in the journal', () => {
    const scene = flow([wait('w', 400 * day)]);
    scene.beating.clear();
    scene.starts('flow');
    scene.pass(3_600_000);
    expect(scene.decided('time-led')).toHaveLength(60);
    scene.asks({ kind: 'cancel-run', run });
    scene.pass(3_600_000);
    expect(scene.decided('time-led').length).toBeLessThanOrEqual(61);
  });

  it('that is no time fails its block', () => {
    for (const odd of [-1, 'soon', null]) {
      const scene = flow([wait('w', odd)]);
      expect(codeOf(scene.starts('flow').outcome)).toBe('WORKFLOW_INVALID');
    }
  });

  it('is nobody’s to answer', () => {
    const scene = flow([wait('w', 5_000)]);
    scene.starts('flow');
    const refused = resume(scene, 'w', 1);
    expect(scene.code(refused)).toBe('WRONG_STATE');
    expect(refusal(refused)).toContain('waiting for a time');
  });
});

describe('a pause with a limit', () => {
  const asking = () =>
    flow(
      [
        pause('p', { limitMs: 60_000 }),
        work('late', { input: ref('blocks', 'p', 'error', 'code') }),
      ],
      {
        edges: [{ from: 'p', to: 'late', port: 'error' }],
      },
    );

  it('goes on by its error edge when nobody answers in time, also under another leader', () => {
    const scene = asking();
    scene.starts('flow');
    scene.pass(30_000);
    scene.failOver();
    scene.pass(61_000);
    expect(live(scene)).toEqual(['late']);
    expect(scene.inputOf('late')).toBe('DEADLINE_EXCEEDED');
    expect(scene.code(resume(scene, 'p', 1))).toBe('WRONG_STATE');
  });

  it('answered in time has no limit any more', () => {
    const scene = asking();
    scene.starts('flow');
    scene.pass(59_000);
    resume(scene, 'p', 'yes');
    expect(scene.view().state).toBe('done');
    const before = scene.facts.length;
    scene.pass(120_000);
    expect(
      scene.facts
        .slice(before)
        .map(({ kind }) => kind)
        .filter((kind) => kind !== 'time-led'),
    ).toEqual([]);
  });

  it('in a container that failed is over', () => {
    const scene = flow(
      [
        parallel('side'),
        pause('p', { in: 'side', limitMs: 1_000 }),
        wait('long', 60_000),
        work('mend'),
      ],
      { edges: [{ from: 'side', to: 'mend', port: 'error' }] },
    );
    scene.starts('flow');
    scene.pass(5_000);
    expect(live(scene)).toEqual(['mend']);
    expect(scene.decided('block-ended')).toHaveLength(1);
    expect(scene.code(resume(scene, 'p[1]', 1))).toBe('WRONG_STATE');
    scene.failOver();
    scene.pass(60_100);
    expect(scene.decided('block-ended')).toHaveLength(2);
  });
});

describe('a run with a limit', () => {
  it('fails when it takes longer, pauses included, and all of it is cancelled', () => {
    const scene = flow([pause('p'), work('a')], { limitMs: 10_000 });
    scene.starts('flow');
    scene.failOver();
    scene.pass(9_999);
    expect(scene.view().state).toBe('running');
    scene.pass(1);
    expect(codeOf(scene.view().outcome)).toBe('TIME_LIMIT');
    expect(live(scene)).toEqual([]);
  });

  it('that ended in time is let be', () => {
    const scene = flow([pause('p')], { limitMs: 10_000, output: ref('blocks', 'p') });
    scene.starts('flow');
    resume(scene, 'p', 1);
    scene.pass(20_000);
    expect(output(scene)).toBe(1);
  });
});

describe('a run that is started with a limit', () => {
  const start = {
    kind: 'start-run',
    run,
    tenant,
    workflow: 'flow',
    input: encodeValue(null),
  } as const;

  it('fails when that is over, however long its workflow lets it go on', () => {
    const scene = flow([pause('p')], { limitMs: day });
    scene.asks({ ...start, limitMs: 5_000 });
    scene.failOver();
    scene.pass(4_000);
    expect(scene.view().state).toBe('waiting');
    scene.pass(1_100);
    expect(codeOf(scene.view().outcome)).toBe('TIME_LIMIT');
  });

  it('that is none is refused, and does not begin', () => {
    const scene = flow([pause('p')]);
    expect(scene.code(scene.asks({ ...start, limitMs: -1 }))).toBe('INVALID_ARGUMENT');
    expect(scene.decided('run-started')).toEqual([]);
  });
});

describe('a run with a limit for its work at a stretch', () => {
  const blocks = [work('a'), pause('p', { after: ['a'] }), work('b', { after: ['p'] })];

  it('may wait for as long as it takes, but not work on for longer', () => {
    const scene = flow(blocks, { segmentLimitMs: 5_000 });
    scene.starts('flow');
    scene.pass(4_000);
    scene.blockFinishes('a', 1);
    scene.pass(day);
    expect(scene.view().state).toBe('waiting');
    resume(scene, 'p', 1);
    scene.pass(4_000);
    expect(scene.view().state).toBe('running');
    scene.pass(1_100);
    const { outcome } = scene.view();
    expect(codeOf(outcome)).toBe('TIME_LIMIT');
    expect(outcome).toMatchObject({
      failure: { message: expect.stringContaining('at a stretch') },
    });
    expect(live(scene)).toEqual([]);
  });

  it('works on for no longer, however much happens in it meanwhile', () => {
    const scene = flow([work('a'), work('b'), work('c', { after: ['b'] })], {
      segmentLimitMs: 5_000,
    });
    scene.starts('flow');
    for (const block of ['a', 'b']) {
      scene.pass(2_000);
      scene.blockFinishes(block, 1);
    }
    expect(live(scene)).toEqual(['c']);
    scene.pass(999);
    expect(scene.view().state).toBe('running');
    scene.pass(1);
    expect(codeOf(scene.view().outcome)).toBe('TIME_LIMIT');
  });

  it.each([
    ['no limit', undefined, day],
    ['a longer one', 30_000, 29_000],
    ['a shorter one', 2_000, 1_999],
  ])('that is moved to %s has that, from then on', (_to, segmentLimitMs, mayWorkMs) => {
    const scene = flow(blocks, { segmentLimitMs: 5_000 });
    const tasks = [task('work', { retries: 0, limitMs: 2 * day })];
    scene.starts('flow');
    scene.pass(4_000);
    const moved = { ...workflow('flow', blocks) };
    const limited = segmentLimitMs === undefined ? moved : { ...moved, segmentLimitMs };
    scene.deploys({ tasks, workflows: [limited] }, 'b3');
    expect(scene.code(scene.asks({ kind: 'move-run', run }))).toBe('run');
    scene.pass(Math.min(mayWorkMs, 50_000));
    expect(scene.view().state).toBe('running');
    if (segmentLimitMs === undefined) return;
    scene.pass(segmentLimitMs - mayWorkMs);
    expect(scene.view().outcome).toMatchObject({
      failure: { message: expect.stringContaining(`longer than ${segmentLimitMs} ms`) },
    });
  });

  it('is not at work while the run within it waits, at any depth, whoever leads', () => {
    const around: Workflow = { ...workflow('around', [child('c')]), segmentLimitMs: 6_000 };
    const scene = flow([child('d', { workflow: 'around' })], { segmentLimitMs: 5_000 }, [
      around,
      workflow('inner', [pause('p'), work('a', { after: ['p'] })]),
    ]);
    scene.starts('flow');
    scene.pass(20_000);
    scene.failOver();
    scene.pass(20_000);
    expect(scene.view().state).toBe('running');
    resume(scene, 'p', 1, runId('r1/d/c'));
    scene.pass(4_900);
    expect(scene.view().state).toBe('running');
    scene.pass(200);
    expect(codeOf(scene.view().outcome)).toBe('TIME_LIMIT');
    expect(live(scene, 'r1/d/c')).toEqual([]);
  });

  it('is not held to what passed under another leader, and is held to it under the next', () => {
    const scene = flow(blocks, { segmentLimitMs: 5_000 });
    scene.starts('flow');
    scene.pass(3_000);
    scene.failOver();
    scene.pass(4_000);
    expect(scene.view().state).toBe('running');
    scene.pass(1_100);
    expect(codeOf(scene.view().outcome)).toBe('TIME_LIMIT');
  });

  it('of no length is refused when it is deployed', () => {
    expect(() => flow(blocks, { segmentLimitMs: 0 })).toThrow('segmentLimitMs');
  });
});
