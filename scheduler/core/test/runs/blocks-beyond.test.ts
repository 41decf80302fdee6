/** Blocks of runs that turns beyond a line have answered, as a line that is shown names them. */
import { type Beyond, type BlockBeyond, type LineView, runId, type TaskId } from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { cart, failed, type Scene, tenant } from '../scene.ts';
import { flow, loop, pause, ref, work } from './flow.ts';

const scope = 'bank';

function withCart(scene: Scene): Scene {
  scene.hear({ kind: 'resolve', actor: cart('a'), scope, replyTo: 'gateway:g1' as never });
  return scene;
}

/** The line with turn 3 of the cart, when its node says that this lies beyond. */
function shown(scene: Scene, beyond: Partial<Beyond>): LineView {
  const to = { actor: cart('a'), turn: 3 };
  scene.forgetWords();
  const number = scene.ask({ kind: 'show-line', tenant, scope, to });
  for (let round = 0; round < 3; round++) {
    const { sends } = scene;
    scene.sends = [];
    for (const send of sends) {
      if (send.kind !== 'to-node') continue;
      const { node: incarnation, message } = send;
      if (message.kind === 'ask-turns') {
        const { ask, actors, line } = message;
        const turn = line === undefined ? 9 : 3;
        const found = actors.map(({ actor, epoch }) => ({ actor, epoch, turn }));
        scene.hear({ kind: 'turns-found', incarnation, ask, found });
      } else if (message.kind === 'ask-beyond') {
        for (const { actor, epoch } of message.actors) {
          const said = { last: 9, earliest: 0, effects: [], count: 0, ...beyond };
          const { ask } = message;
          scene.hear({ kind: 'beyond-found', incarnation, ask, actor, epoch, beyond: said });
        }
      }
    }
  }
  const answer = scene.answer(number);
  if (answer?.kind !== 'line') throw new Error(JSON.stringify(answer));
  return answer.line;
}

function answered(...blocks: readonly string[]): Partial<Beyond> {
  const named = blocks.map((block, at): BlockBeyond => {
    const task = `run:${block}` as TaskId;
    return { actor: cart('a'), task, turn: at + 4, call: `task:${task}:p1f:1`, calls: 1 };
  });
  return { blocks: named, blockCount: named.length };
}

function states({ blocks }: LineView): string[] {
  return blocks.map(({ run, block, state, runState }) => `${run} ${block} ${state} ${runState}`);
}

describe('a line that is shown names the blocks of runs that were answered beyond it', () => {
  it('with what has become of each by now, in rounds that are over too', () => {
    const scene = withCart(
      flow(
        [
          work('read'),
          work('broken'),
          loop('again', { after: ['read'] }),
          work('ask', { in: 'again' }),
          pause('approve', { after: ['broken'] }),
        ],
        { onFailure: 'go-on' },
      ),
    );
    scene.starts('flow');
    scene.blockFinishes('read', 1);
    scene.finishes('run:r1:broken', failed('USER_ERROR'));
    scene.blockFinishes('ask[0]', 0);
    const beyond = answered('r1:broken', 'r1:ask[1]', 'r1:ask[0]', 'r1:read');
    expect(states(shown(scene, beyond))).toEqual([
      'r1 ask[0] done running',
      'r1 ask[1] running running',
      'r1 broken failed running',
      'r1 read done running',
    ]);
  });

  it('with how their runs ended, and says of those that are forgotten that nothing is known', () => {
    const scene = withCart(flow([work('read'), work('ask', { after: ['read'] })]));
    for (const run of ['r1', 'a:b']) scene.starts('flow', {}, run);
    scene.blockFinishes('read', 1, 'a:b');
    scene.blockFinishes('ask', 2, 'a:b');
    scene.ask({ kind: 'cancel-run', run: runId('r1') });
    const beyond = answered('a:b:ask', 'r1:read', 'long:ago:read[2]', 'r1:none');
    expect(states(shown(scene, beyond))).toEqual([
      'a:b ask done done',
      'long:ago read[2] unknown unknown',
      'r1 none unknown unknown',
      'r1 read skipped cancelled',
    ]);
  });

  it('also what undoes them', () => {
    const undo = { kind: 'task', task: 'work', input: null } as const;
    const undone = (id: string) => ({ ...work(id), undo });
    const scene = withCart(
      flow([undone('read'), undone('ask'), work('bad', { after: ['read', 'ask'] })]),
    );
    scene.starts('flow');
    scene.blockFinishes('read', 1);
    scene.blockFinishes('ask', 2);
    scene.finishes('run:r1:bad', failed('USER_ERROR'));
    scene.blockFinishes('ask/undo', null);
    const beyond = answered('r1:ask', 'r1:ask/undo', 'r1:read/undo', 'r1:none/undo');
    expect(states(shown(scene, beyond))).toEqual([
      'r1 ask done running',
      'r1 ask/undo done running',
      'r1 none/undo unknown unknown',
      'r1 read/undo running running',
    ]);
  });

  it('once for each actor, with their calls, and says how many there are where not all fit', () => {
    const scene = withCart(flow([work('each', { each: ref('input') })]));
    scene.starts('flow', [1, 2]);
    const all = answered('r1:each[0]');
    const [first] = shown(scene, all).blocks;
    const call = 'task:run:r1:each[0]:p1f:1';
    expect(first).toMatchObject({ actor: cart('a'), turn: 4, call, calls: 1, state: 'running' });
    const many = answered(...Array.from({ length: 1_000 }, (_, branch) => `r1:each[${branch}]`));
    const cut = shown(scene, { ...many, blockCount: 1_234 });
    expect([cut.blocks.length, cut.blockCount]).toEqual([1_000, 1_234]);
    const long = 'x'.repeat(600);
    const wide = answered(...Array.from({ length: 200 }, (_, branch) => `${long}:each[${branch}]`));
    const few = shown(scene, wide);
    expect(few.blockCount).toBe(200);
    expect(few.blocks.length).toBeGreaterThan(10);
    expect(few.blocks.length).toBeLessThan(200);
  });

  it('also those that stand among the effects that an older node names', () => {
    const scene = withCart(flow([work('read')]));
    scene.starts('flow');
    const effect = { actor: cart('a'), turn: 4, kind: 'answer' } as const;
    const effects = [
      { ...effect, what: 'task:run:r1:read:p1f:1' },
      { ...effect, what: 's1:7' },
    ];
    const { blocks, blockCount } = shown(scene, { effects, count: 2 });
    expect(blocks).toMatchObject([{ run: 'r1', block: 'read', turn: 4, calls: 1 }]);
    expect(blockCount).toBe(1);
  });
});
