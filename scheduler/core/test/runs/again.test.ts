import {
  type Block,
  type Bytes,
  bundleHash,
  decodeValue,
  encodeValue,
  type RunId,
  runId,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { SchedulerMachine } from '../../src/index.ts';
import { codeOf, config, failed, type Scene, stateOf, tenant } from '../scene.ts';
import {
  deploy,
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
  value,
  work,
} from './flow.ts';

const noInput: Bytes = new Uint8Array(0);

type From = { readonly block: string } | { readonly failedOnly: true };

function again(scene: Scene, from: From, id = 'r2', input = noInput, of: RunId = run) {
  const body = { run: runId(id), tenant, workflow: 'flow', input };
  return scene.asks({ kind: 'start-run', ...body, from: { run: of, ...from } });
}

const chain = [
  work('a', { input: ref('input') }),
  loop('again', { rounds: { items: ref('blocks', 'a') } }),
  work('b', { in: 'again', input: ref('item') }),
  work('c', { input: ref('blocks', 'again', 'results') }),
  work('d', { input: ref('blocks', 'a') }),
];
const all = { output: [ref('blocks', 'c'), ref('blocks', 'd')] };

function finished(): Scene {
  const scene = flow(chain, all);
  scene.starts('flow', 'in');
  scene.blockFinishes('a', ['x', 'y']);
  scene.blockFinishes('b[0]', 0);
  scene.blockFinishes('b[1]', 1);
  scene.blockFinishes('c', 'C');
  scene.blockFinishes('d', 'D');
  expect(output(scene)).toEqual(['C', 'D']);
  return scene;
}

describe('a run from a block on', () => {
  it('keeps the outputs of all that does not come after it', () => {
    const scene = finished();
    scene.failOver();
    expect(scene.code(again(scene, { block: 'c' }))).toBe('run');
    expect(live(scene, 'r2')).toEqual(['c']);
    expect(scene.inputOf('c', 'r2')).toEqual([[0], [1]]);
    scene.failOver();
    scene.pass(1_100);
    scene.blockFinishes('c', 'C2', 'r2');
    expect(output(scene, 'r2')).toEqual(['C2', 'D']);
    expect(output(scene)).toEqual(['C', 'D']);
    const tries = scene.view('r2').blocks.map(({ block, attempts }) => `${block} ${attempts}`);
    expect(tries).toEqual(['a 1', 'again 0', 'c 1', 'd 1']);
  });

  it('keeps them under a leader that began from an image, as one that read all facts does', () => {
    const scene = finished();
    scene.failOver('image');
    expect(scene.code(again(scene, { block: 'c' }))).toBe('run');
    scene.pass(1_100);
    scene.blockFinishes('c', 'C2', 'r2');
    expect(output(scene, 'r2')).toEqual(['C2', 'D']);
    scene.failOver('image');
    expect(output(scene)).toEqual(['C', 'D']);
  });

  it('runs a container anew as a whole, and takes another input when given one', () => {
    const scene = finished();
    again(scene, { block: 'again' });
    expect(live(scene, 'r2')).toEqual(['b[0]']);
    again(scene, { block: 'a' }, 'r3', encodeValue('other'));
    expect(scene.inputOf('a', 'r3')).toBe('other');
    again(scene, { block: 'a' }, 'r4');
    expect(scene.inputOf('a', 'r4')).toBe('in');
  });

  it('is refused inside a container, and the container is named', () => {
    const scene = finished();
    const refused = again(scene, { block: 'b' });
    expect(scene.code(refused)).toBe('UNKNOWN_BLOCK');
    expect(refusal(refused)).toContain('"b" lies in "again"');
    expect(scene.code(again(scene, { block: 'z' }))).toBe('UNKNOWN_BLOCK');
  });

  it('is refused from a block that was skipped, since what decided that is kept', () => {
    const gate: Block = { kind: 'choice', id: 'gate', after: [], cases: [], otherwise: 'other' };
    const edges = [{ from: 'gate', to: 'a', port: 'never' }];
    const scene = flow([gate, work('a'), work('b', { after: ['a'] })], { edges });
    scene.starts('flow');
    const refused = again(scene, { block: 'b' });
    expect(scene.code(refused)).toBe('WRONG_STATE');
    expect(refusal(refused)).toContain('skipped block "b"');
    expect(scene.code(again(scene, { block: 'gate' }, 'r3'))).toBe('run');
  });

  it('is refused of a run that is not there, has not ended, or is of another workflow', () => {
    const scene = flow([pause('p')]);
    scene.starts('flow');
    const before = scene.facts.length;
    expect(scene.code(again(scene, { block: 'p' }))).toBe('WRONG_STATE');
    expect(scene.code(again(scene, { block: 'p' }, 'r2', noInput, runId('r9')))).toBe(
      'UNKNOWN_RUN',
    );
    expect(scene.facts).toHaveLength(before);
  });

  it('is refused once the outputs are not kept any more', () => {
    const scene = flow([value('v', ref('input')), work('a', { after: ['v'] })]);
    for (let i = 0; i < 60; i++) {
      scene.starts('flow', 'x'.repeat(400_000), `big${i}`);
      scene.blockFinishes('a', 1, `big${i}`);
    }
    scene.failOver();
    const old = again(scene, { block: 'a' }, 'r2', noInput, runId('big0'));
    expect(scene.code(old)).toBe('WRONG_STATE');
    expect(refusal(old)).toContain('does not have its outputs any more');
    const latest = again(scene, { block: 'a' }, 'r3', noInput, runId('big59'));
    expect(scene.code(latest)).toBe('run');
    expect(live(scene, 'r3')).toEqual(['a']);
  });
});

it('a run that was answered in a branch is known to a leader that begins from an image, also when its outputs are not kept any more', () => {
  const scene = flow([
    parallel('side'),
    value('v', ref('input'), { in: 'side' }),
    { kind: 'answer', id: 'say', in: 'side', after: ['v'], value: 'said' },
  ]);
  for (let i = 0; i < 60; i++) scene.starts('flow', 'x'.repeat(400_000), `big${i}`);
  scene.failOver('image');
  expect(output(scene, 'big0')).toBe('said');
  expect(refusal(again(scene, { block: 'side' }, 'r2', noInput, runId('big0')))).toContain(
    'does not have its outputs any more',
  );
  expect(stateOf(SchedulerMachine.restore(config, scene.machine.image()))).toBe(
    stateOf(scene.machine),
  );
});

describe('a run that is started again and again', () => {
  it('has its outputs, and may, as often as one that was started once', () => {
    const blocks = [value('v', ref('input')), loop('l', { after: ['v'], rounds: { count: 9 } })];
    const many = [...blocks, value('w', ref('input'), { in: 'l' }), work('a', { after: ['l'] })];
    const scene = flow(many);
    scene.starts('flow', 'x'.repeat(400_000), 'r0');
    scene.blockFinishes('a', 1, 'r0');
    for (let i = 1; i < 20; i++) {
      const block = i % 2 === 0 ? 'v' : 'a';
      const answer = again(scene, { block }, `r${i}`, noInput, runId(`r${i - 1}`));
      expect([i, refusal(answer)]).toEqual([i, '']);
      scene.blockFinishes('a', i, `r${i}`);
    }
  });
});

describe('what a run from a block on takes over', () => {
  const three = (last: string): Block[] => [
    work('a'),
    work('b', { after: ['a'] }),
    work('c', { after: ['b'], input: last }),
  ];

  it('is not what comes after the block, which may be another in a newer version', () => {
    const scene = flow(three('old'));
    scene.starts('flow');
    for (const id of ['a', 'b', 'c']) scene.blockFinishes(id, 1);
    deploy(scene, three('new'), {}, [], 'b3');
    expect(scene.code(again(scene, { block: 'b' }))).toBe('run');
    scene.blockFinishes('b', 1, 'r2');
    expect(scene.inputOf('c', 'r2')).toBe('new');
    expect(refusal(again(scene, { block: 'a' }, 'r3'))).toBe('');
  });

  it('has the same edges into it', () => {
    const scene = flow([work('a'), work('b'), work('c')]);
    scene.starts('flow');
    for (const id of ['a', 'b', 'c']) scene.blockFinishes(id, 1);
    const edges = [{ from: 'a', to: 'b', port: 'done' }];
    deploy(scene, [work('a'), work('b'), work('c')], { edges }, [], 'b3');
    expect(refusal(again(scene, { block: 'c' }))).toContain('other edges lead to block "b"');
  });

  it('is never an answer: that is given again', () => {
    const scene = flow([
      work('a'),
      { kind: 'answer', id: 'say', after: ['a'], value: 'said' },
      work('b', { after: ['say'] }),
      work('c'),
    ]);
    scene.starts('flow');
    scene.blockFinishes('c', 1);
    scene.blockFinishes('a', 1);
    expect(output(scene)).toBe('said');
    again(scene, { block: 'c' });
    scene.blockFinishes('c', 2, 'r2');
    expect(output(scene, 'r2')).toBe('said');
    expect(scene.started('run:r2:a')).toHaveLength(0);
  });
});

describe('a run of what had failed', () => {
  it('runs that again, and what comes after it', () => {
    const scene = flow([work('a'), work('b'), work('c', { after: ['a', 'b'] })], {
      output: [ref('blocks', 'a'), ref('blocks', 'b'), ref('blocks', 'c')],
    });
    scene.starts('flow');
    scene.blockFinishes('a', 1);
    scene.finishes('run:r1:b', failed('USER_ERROR'));
    expect(scene.view().state).toBe('failed');
    again(scene, { failedOnly: true });
    expect(live(scene, 'r2')).toEqual(['b']);
    scene.blockFinishes('b', 2, 'r2');
    scene.blockFinishes('c', 3, 'r2');
    expect(output(scene, 'r2')).toEqual([1, 2, 3]);
  });

  it('keeps what an error edge had taken', () => {
    const scene = flow([work('a'), work('mend'), work('c', { after: ['mend'] })], {
      edges: [{ from: 'a', to: 'mend', port: 'error' }],
    });
    scene.starts('flow');
    scene.finishes('run:r1:a', failed('USER_ERROR'));
    scene.blockFinishes('mend', 1);
    scene.finishes('run:r1:c', failed('USER_ERROR'));
    again(scene, { failedOnly: true });
    expect(live(scene, 'r2')).toEqual(['c']);
  });

  it('runs a container anew in which something failed while the others went on', () => {
    const blocks = [
      work('each', { each: [1, 2], input: ref('item') }),
      loop('again'),
      work('in', { in: 'again' }),
      work('kept', { each: [1, 2] }),
      work('c', { after: ['each', 'again'], input: ref('blocks', 'each') }),
    ];
    const scene = flow(blocks, { onFailure: 'go-on', output: ref('blocks', 'c') });
    scene.starts('flow');
    scene.blockFinishes('each[0]', 'one');
    scene.finishes('run:r1:each[1]', failed('USER_ERROR'));
    scene.finishes('run:r1:in[0]', failed('USER_ERROR'));
    for (const id of ['in[1]', 'kept[0]', 'kept[1]', 'c']) scene.blockFinishes(id, 0);
    expect(codeOf(scene.view().outcome)).toBe('USER_ERROR');
    again(scene, { failedOnly: true });
    expect(live(scene, 'r2').sort()).toEqual(['each[0]', 'each[1]', 'in[0]']);
    scene.failOver('image');
    scene.pass(1_100);
    scene.blockFinishes('each[0]', 'one', 'r2');
    scene.blockFinishes('each[1]', 'two', 'r2');
    for (const id of ['in[0]', 'in[1]']) scene.blockFinishes(id, 0, 'r2');
    expect(scene.inputOf('c', 'r2')).toEqual(['one', 'two']);
  });

  it('keeps a container whose failures were taken within it', () => {
    const blocks = [parallel('side'), work('a', { in: 'side' }), work('mend', { in: 'side' })];
    const edges = [{ from: 'a', to: 'mend', port: 'error' }];
    const scene = flow([...blocks, work('c')], { edges, onFailure: 'go-on' });
    scene.starts('flow');
    for (const id of ['a[0]', 'a[1]', 'c']) scene.finishes(`run:r1:${id}`, failed('USER_ERROR'));
    for (const id of ['mend[0]', 'mend[1]']) scene.blockFinishes(id, 1);
    again(scene, { failedOnly: true });
    expect(live(scene, 'r2')).toEqual(['c']);
  });

  it('by a version that does not take a failure which is kept is refused', () => {
    const blocks = [work('a'), work('mend'), work('c')];
    const scene = flow(blocks, { edges: [{ from: 'a', to: 'mend', port: 'error' }] });
    scene.starts('flow');
    scene.finishes('run:r1:a', failed('USER_ERROR'));
    scene.finishes('run:r1:mend', failed('USER_ERROR'));
    deploy(scene, [work('a'), work('c')], {}, [], 'b3');
    const refused = again(scene, { failedOnly: true });
    expect(scene.code(refused)).toBe('WRONG_STATE');
    expect(refusal(refused)).toContain('the failure of block "a" is not taken there');
    expect(scene.code(again(scene, { block: 'a' }, 'r3'))).toBe('run');
  });

  it('by another version is refused where what is kept was another, with the first difference', () => {
    const scene = flow([work('a', { input: 1 }), work('b', { after: ['a'] })]);
    scene.starts('flow');
    scene.blockFinishes('a', 1);
    scene.finishes('run:r1:b', failed('USER_ERROR'));
    deploy(
      scene,
      [work('a', { input: 1 }), work('b', { after: ['a'], input: 'mended' })],
      {},
      [],
      'b3',
    );
    again(scene, { failedOnly: true });
    expect(scene.inputOf('b', 'r2')).toBe('mended');
    deploy(scene, [work('a', { input: 2 }), work('b', { after: ['a'] })], {}, [], 'b4');
    const refused = again(scene, { failedOnly: true }, 'r3');
    expect(scene.code(refused)).toBe('WRONG_STATE');
    expect(refusal(refused)).toContain('block "a" is another');
  });
});

describe('a run that is moved to another version', () => {
  const begun = [
    work('a'),
    parallel('side'),
    loop('again', { in: 'side' }),
    pause('p', { in: 'again', limitMs: 600_000 }),
  ];
  const before: Block[] = [...begun, work('old', { after: ['side', 'a'] })];
  const after: Block[] = [
    work('fresh', { after: ['new'] }),
    ...begun,
    work('new', { after: ['side', 'a'], input: ref('blocks', 'side', 'results') }),
  ];
  const move = (scene: Scene, hash?: string) =>
    scene.asks({
      kind: 'move-run',
      run,
      ...(hash === undefined ? {} : { bundle: bundleHash(hash) }),
    });

  it('goes on there where it had come, with all that is open', () => {
    const scene = flow(before);
    scene.starts('flow');
    resume(scene, 'p[1][0]', 'b');
    deploy(scene, after, { output: ref('blocks', 'fresh') }, [], 'b3');
    expect(scene.code(move(scene))).toBe('run');
    scene.failOver();
    scene.pass(1_100);
    resume(scene, 'p[0][0]', 'a');
    resume(scene, 'p[1][1]', 'd');
    resume(scene, 'p[0][1]', 'c');
    scene.blockFinishes('a', 1);
    expect(scene.inputOf('new')).toEqual([
      [{ results: [['a'], ['c']] }],
      [{ results: [['b'], ['d']] }],
    ]);
    expect(scene.started('run:r1:new')[0]?.bundle).toBe('b3');
    scene.blockFinishes('new', 1);
    scene.blockFinishes('fresh', 'there');
    expect(output(scene)).toBe('there');
  });

  it('is asked there what it was asked before, also at the root', () => {
    const ask = pause('ask', { prompt: 'which way?' });
    const scene = flow([ask, work('old', { after: ['ask'] })]);
    scene.starts('flow');
    deploy(scene, [work('new', { after: ['ask'] }), ask], {}, [], 'b3');
    expect(scene.code(move(scene))).toBe('run');
    const { prompt } = scene.block('ask') ?? {};
    expect(prompt && decodeValue(prompt)).toBe('which way?');
    resume(scene, 'ask', 'left');
    expect(live(scene)).toEqual(['new']);
  });

  it('does under the same leader what that version says, not what was read of the other', () => {
    const scene = flow([work('a'), work('b', { after: ['a'], input: 'before' })]);
    scene.starts('flow');
    deploy(scene, [work('b', { after: ['a'], input: 'after' }), work('a')], {}, [], 'b3');
    expect(scene.code(move(scene))).toBe('run');
    scene.blockFinishes('a', 1);
    expect(scene.inputOf('b')).toBe('after');
  });

  it('and back again is the same', () => {
    const scene = flow(before);
    scene.starts('flow');
    resume(scene, 'p[1][0]', 'b');
    deploy(scene, after, {}, [], 'b3');
    move(scene);
    expect(scene.code(move(scene, 'b2'))).toBe('run');
    scene.blockFinishes('a', 1);
    for (const id of ['p[0][0]', 'p[1][1]', 'p[0][1]']) resume(scene, id, 1);
    expect(live(scene)).toEqual(['old']);
  });

  it('keeps its limits', () => {
    const scene = flow(before);
    scene.starts('flow');
    deploy(scene, after, {}, [], 'b3');
    move(scene);
    scene.blockFinishes('a', 1);
    scene.failOver();
    scene.pass(600_100);
    expect(codeOf(scene.view().outcome)).toBe('DEADLINE_EXCEEDED');
  });

  it('is refused with the first difference in what has begun', () => {
    const scene = flow(before);
    scene.starts('flow');
    const without = (id: string) => after.filter((block) => block.id !== id);
    const versions: [readonly Block[], string][] = [
      [[...without('a'), work('z'), work('a', { after: ['z'] })], 'block "a" is another'],
      [begun.slice(1), 'block "a" is not there'],
      [[...after, value('more', 1, { in: 'again' })], 'the body of "again" is another'],
    ];
    const facts = scene.facts.length;
    for (const [number, [blocks, why]] of versions.entries()) {
      deploy(scene, blocks, {}, [], `c${number}`);
      const refused = move(scene);
      expect(refusal(refused)).toContain(why);
    }
    expect(scene.facts.slice(facts).map(({ kind }) => kind)).not.toContain('run-moved');
    expect(scene.code(move(scene, 'b9'))).toBe('UNKNOWN_BUNDLE');
    scene.asks({ kind: 'cancel-run', run });
    expect(scene.code(move(scene))).toBe('WRONG_STATE');
  });

  it('is refused where a failure that was taken would not be, or the other way round', () => {
    const mended = [work('a'), pause('p'), work('mend', { after: ['p'] })];
    const edges = [{ from: 'a', to: 'mend', port: 'error' }];
    const scene = flow(mended, { edges, onFailure: 'go-on' });
    scene.starts('flow');
    scene.finishes('run:r1:a', failed('USER_ERROR'));
    deploy(scene, [work('a'), pause('p')], { onFailure: 'go-on' }, [], 'b3');
    expect(refusal(move(scene))).toContain('the failure of block "a" is not taken there');
    const other = flow([work('a'), pause('p')], { onFailure: 'go-on' });
    other.starts('flow');
    other.finishes('run:r1:a', failed('USER_ERROR'));
    deploy(other, mended, { edges, onFailure: 'go-on' }, [], 'b3');
    expect(refusal(move(other))).toContain('the failure of block "a" is taken there');
    resume(other, 'p', 1);
    expect(codeOf(other.view().outcome)).toBe('USER_ERROR');
  });

  it('is refused where a failure with which it goes on would have ended it', () => {
    const blocks = [work('a'), pause('p')];
    const scene = flow(blocks, { onFailure: 'go-on' });
    scene.starts('flow');
    deploy(scene, blocks, { onFailure: 'stop' }, [], 'b3');
    expect(scene.code(move(scene))).toBe('run');
    expect(scene.code(move(scene, 'b2'))).toBe('run');
    scene.finishes('run:r1:a', failed('USER_ERROR'));
    expect(refusal(move(scene, 'b3'))).toContain('the failure of block "a" ends the run there');
    expect(scene.view().state).toBe('waiting');
  });

  it('replays to the same state', () => {
    const scene = flow(before);
    scene.starts('flow');
    resume(scene, 'p[1][0]', 'b');
    deploy(scene, after, {}, [], 'b3');
    move(scene);
    resume(scene, 'p[0][0]', 'b');
    const replayed = new SchedulerMachine(config);
    for (const fact of scene.facts) replayed.apply(fact);
    expect(stateOf(replayed)).toBe(stateOf(scene.machine));
    expect(stateOf(SchedulerMachine.restore(config, replayed.image()))).toBe(stateOf(replayed));
  });
});
