/**
 * Lines as they are shown: which turn each actor of a scope would go back to, and what its turns beyond
 * have done to others. Found by a survey, then asked of the nodes. Nothing goes back by it.
 *
 * Y12 a view ends: by what all nodes have said, or by a failure when its time is over.
 */
import {
  type ActorId,
  type Beyond,
  type BeyondFound,
  type BlockBeyond,
  type BlockBeyondView,
  blocksAmong,
  failure,
  isFailure,
  type Line,
  limits,
  type OutsideEffect,
  type RequestBody,
  type TenantName,
} from '@troupe/model';
import { askNodes } from './ask-nodes.ts';
import { viewBlockBeyond } from './blocks-beyond.ts';
import type { Desk } from './desk.ts';
import { boundOf, missed } from './line-targets.ts';
import type { Size } from './sizes.ts';
import { isLine, type Surveys, wentBack } from './surveys.ts';
import type { Asker } from './waiting.ts';

type ShowLine = Extract<RequestBody, { kind: 'show-line' }>;

interface Viewing {
  readonly asker: Asker;
  readonly tenant: TenantName;
  readonly scope: string;
  readonly line: Line;
  readonly until: number;
  readonly open: Set<ActorId>;
  readonly last: Record<string, number>;
  readonly earliest: Record<string, number>;
  readonly effects: OutsideEffect[];
  effectCount: number;
  effectsLength: number;
  readonly blocks: BlockBeyond[];
  blockCount: number;
  blocksLength: number;
}

const viewMsMax = 30_000;
/** Effects that one answer names; it must fit into a message. */
const effectsMax = 1_000;
/** Blocks that it names beside them, and what their ids may take. */
const blocksMax = 1_000;
const blocksLengthMax = 100_000;

export class LineViews {
  readonly #desk: Desk;
  readonly #surveys: Surveys;
  readonly #views = new Map<number, Viewing>();

  constructor(desk: Desk, surveys: Surveys) {
    this.#desk = desk;
    this.#surveys = surveys;
  }

  /** Z1 */
  sizes(): readonly Size[] {
    return [{ of: 'lines that are shown', size: this.#views.size, most: 0 }];
  }

  show(asker: Asker, { tenant, scope, to }: ShowLine): void {
    const most = boundOf(this.#desk.state, { tenant, scope, to });
    if (typeof most !== 'function') {
      return this.#desk.answer(asker, { kind: 'failed', failure: most });
    }
    this.#surveys.begin(
      { tenant, scope },
      (line) => {
        if (!isLine(line)) return this.#desk.answer(asker, { kind: 'failed', failure: line });
        const fault = missed(to, line);
        if (fault !== undefined) {
          return this.#desk.answer(asker, { kind: 'failed', failure: fault });
        }
        this.#view(asker, { tenant, scope, line });
      },
      { most },
    );
  }

  found({ ask, actor, epoch, beyond }: BeyondFound): void {
    const view = this.#views.get(ask);
    if (view === undefined || this.#desk.state.actors.get(actor)?.epoch !== epoch) return;
    if (isFailure(beyond)) return this.#end(ask, { kind: 'failed', failure: beyond });
    if (!view.open.delete(actor)) return;
    view.last[actor] = beyond.last;
    if (beyond.earliest !== undefined) view.earliest[actor] = beyond.earliest;
    view.effectCount += beyond.count;
    for (const effect of beyond.effects) {
      const length = effect.actor.length + effect.what.length;
      if (view.effects.length === effectsMax || view.effectsLength + length > limits.lineIdsMax) {
        break;
      }
      view.effects.push(effect);
      view.effectsLength += length;
    }
    this.#addBlocks(view, beyond);
    if (view.open.size === 0) this.#shown(ask, view);
  }

  /** An older node names those that stand among its effects, and no more. */
  #addBlocks(view: Viewing, { effects, blocks = blocksAmong(effects), blockCount }: Beyond): void {
    view.blockCount += blockCount ?? blocks.length;
    for (const block of blocks) {
      view.blocksLength += block.actor.length + block.task.length + block.call.length;
      if (view.blocks.length === blocksMax || view.blocksLength > blocksLengthMax) return;
      view.blocks.push(block);
    }
  }

  #shown(ask: number, view: Viewing): void {
    const { tenant, scope, line, last, earliest, effects, effectCount, blockCount } = view;
    const found = { scope, line, last, earliest, effects, effectCount, blockCount };
    const blocks = view.blocks
      .map((block) => viewBlockBeyond(this.#desk.state, tenant, block))
      .sort((left, right) => (placeOf(left) < placeOf(right) ? -1 : 1));
    this.#end(ask, { kind: 'line', line: { ...found, blocks } });
  }

  /** What was asked is not so any more. */
  rewound(scope: string): void {
    for (const [ask, view] of [...this.#views]) {
      if (view.scope === scope) this.#end(ask, { kind: 'failed', failure: wentBack(scope) });
    }
  }

  /** Somebody has not answered for a while. */
  due(ask: number): void {
    const view = this.#views.get(ask);
    if (view === undefined) return;
    for (const actor of view.open) {
      // It was destroyed meanwhile, and says nothing any more.
      if (this.#desk.state.actors.get(actor) === undefined) view.open.delete(actor);
    }
    if (view.open.size === 0) return this.#shown(ask, view);
    if (this.#desk.now < view.until) return this.#send(ask, view);
    const text = `${view.open.size} actors of scope "${view.scope}" did not say what they have done`;
    this.#end(ask, { kind: 'failed', failure: failure('UNAVAILABLE', text) });
  }

  #view(asker: Asker, of: Pick<Viewing, 'tenant' | 'scope' | 'line'>): void {
    const ask = this.#surveys.nextAsk();
    const view: Viewing = {
      asker,
      ...of,
      until: this.#desk.now + viewMsMax,
      open: new Set(Object.keys(of.line) as ActorId[]),
      last: {},
      earliest: {},
      effects: [],
      effectCount: 0,
      effectsLength: 0,
      blocks: [],
      blockCount: 0,
      blocksLength: 0,
    };
    this.#views.set(ask, view);
    this.#send(ask, view);
  }

  #send(ask: number, { open, line }: Viewing): void {
    const { term, now, config, deadlines } = this.#desk;
    askNodes(this.#desk, open, (actors) => ({ kind: 'ask-beyond', term, ask, actors, line }));
    deadlines.set(now + config.resendMs, { kind: 'survey', ask });
  }

  #end(ask: number, answer: Parameters<Desk['answer']>[1]): void {
    const view = this.#views.get(ask);
    this.#views.delete(ask);
    if (view !== undefined) this.#desk.answer(view.asker, answer);
  }
}

/** No id holds a control character. */
function placeOf({ run, block, actor }: BlockBeyondView): string {
  return [run, block, actor].join('\u0000');
}
