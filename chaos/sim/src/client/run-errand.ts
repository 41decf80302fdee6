/**
 * What a client does about one run: starts it, answers its pauses by their context ids, waits for its
 * end, and by its manner answers late, in any order, twice or under a wrong id, moves it, cancels it
 * and starts it again.
 */
import {
  type Answer,
  type BundleHash,
  encodeValue,
  type Outcome,
  type RequestBody,
  type RunId,
  type RunView,
  tenantName,
} from '@troupe/model';
import { Random } from '@troupe/virtual';
import { tenant } from '../node/program.ts';
import { bundles } from '../plan/bundles.ts';
import type { Operation } from '../plan/load.ts';
import type { Manner } from '../plan/nested-runs.ts';
import type { InterestingState } from '../world/coverage.ts';
import type { World } from '../world/world.ts';

type RunOperation = Extract<Operation, { kind: 'run' }>;

/** What the client does for it. */
export interface Hands {
  readonly world: World;
  ask(body: RequestBody, answered: (answer: Answer) => void): void;
  after(ms: number, run: () => void): void;
  deploy(version: number): void;
  end(outcome: Outcome): void;
}

const waitRunMs = 1_500;
const lateMsMax = 1_500;
/** An index that no round and no branch has. */
const nowhere = 977;

export class RunErrand {
  readonly #hands: Hands;
  readonly #operation: RunOperation;
  readonly #manner: Manner | undefined;
  readonly #chance: Random;
  /** Pauses that are answered, or never will be. */
  readonly #seen = new Set<string>();
  #run: RunId;
  #isAgain = false;

  constructor(operation: RunOperation, hands: Hands) {
    this.#hands = hands;
    this.#operation = operation;
    this.#manner = operation.manner;
    this.#chance = new Random(operation.manner?.seed ?? 0);
    this.#run = operation.id;
  }

  begin(): void {
    const { workflow, input } = this.#operation;
    const { moveAfterMs, cancelAfterMs } = this.#manner ?? {};
    this.#start({ input, workflow });
    if (moveAfterMs !== undefined) this.#hands.after(moveAfterMs, () => this.#move());
    if (cancelAfterMs !== undefined) this.#hands.after(cancelAfterMs, () => this.#cancel());
  }

  #start(
    given: Pick<Extract<RequestBody, { kind: 'start-run' }>, 'workflow' | 'input' | 'from'>,
  ): void {
    const run = this.#run;
    this.#hands.ask({ kind: 'start-run', run, tenant: tenantName(tenant), ...given }, (answer) =>
      this.#heard(answer),
    );
  }

  #heard(answer: Answer): void {
    if (answer.kind === 'failed') return this.#over({ ok: false, failure: answer.failure });
    if (answer.kind !== 'run') return;
    const { outcome } = answer.run;
    if (outcome !== undefined) return this.#over(outcome);
    const { world } = this.#hands;
    const paused = answer.run.blocks.filter(({ state }) => state === 'paused');
    if (paused.length > 1) world.coverage.reach('two pauses of one run are open at once');
    for (const { block } of this.#shuffled(paused)) this.#attend(block, answer.run);
    this.#hands.ask({ kind: 'wait-run', run: this.#run, waitMs: waitRunMs }, (next) =>
      this.#heard(next),
    );
  }

  #over(outcome: Outcome): void {
    const { again } = this.#manner ?? {};
    if (this.#isAgain || again === undefined) return this.#hands.end(outcome);
    const { id, block, input } = again;
    const run = this.#run;
    this.#isAgain = true;
    this.#run = id;
    this.#seen.clear();
    const from = block === undefined ? { run, failedOnly: true as const } : { run, block };
    this.#start({ workflow: this.#operation.workflow, input, from });
  }

  /** Sees to a pause that is open. */
  #attend(block: string, { blocks }: RunView): void {
    if (this.#seen.has(block)) return;
    this.#seen.add(block);
    if (this.#manner === undefined) return this.#answer(block);
    const chance = this.#chance;
    if (this.#isLimited(block) && chance.chance(0.5)) return;
    if (chance.chance(0.2)) {
      this.#answer(this.#wrongId(block, blocks), 'an answer under a wrong context id is refused');
    }
    const lateMs = chance.chance(0.5) ? 0 : Math.round(chance.next() * lateMsMax);
    const isTwice = chance.chance(0.2);
    const answer = () => {
      this.#answer(block);
      if (isTwice) this.#answer(block);
    };
    if (lateMs === 0) answer();
    else this.#hands.after(lateMs, answer);
  }

  /** Says which pause it is meant for, so that one that reached another is noticed. */
  #answer(block: string, refused?: InterestingState): void {
    const { world } = this.#hands;
    const run = this.#run;
    const answer = encodeValue({ to: block, run });
    this.#hands.ask({ kind: 'resume-run', run, block, answer }, (next) => {
      if (next.kind === 'run') return world.coverage.reach('a pause is answered');
      if (refused !== undefined) world.coverage.reach(refused);
      // Somebody was quicker, or its time is over, or it is not open yet for this leader.
      this.#seen.delete(block);
    });
  }

  /** Of another round or branch, of a block that asks nothing, or of none. */
  #wrongId(block: string, blocks: RunView['blocks']): string {
    const [name = block, ...indices] = block.split('[');
    const others = blocks.filter(({ state }) => state !== 'paused').map((one) => one.block);
    const wrong = [`${name}-of-another`, `${name}[${nowhere}]`, ...others.slice(0, 2)];
    if (indices.length > 0) wrong.push(name, block.replace(/\[\d+\]$/, `[${nowhere}]`));
    return this.#chance.pick(wrong);
  }

  #isLimited(context: string): boolean {
    const { workflow } = this.#operation;
    const [id] = context.split('[');
    const [bundle] = bundles as readonly [BundleHash];
    const { blocks } = this.#hands.world.manifests.workflow(bundle, workflow);
    const block = blocks.find((one) => one.id === id);
    return block?.kind === 'pause' && block.limitMs !== undefined;
  }

  #move(): void {
    const [first, second] = bundles;
    const isBack = this.#chance.chance(0.25);
    const bundle = this.#chance.chance(0.25) ? undefined : isBack ? first : second;
    const run = this.#run;
    this.#hands.deploy(1);
    const body = { kind: 'move-run' as const, run };
    this.#hands.ask(bundle === undefined ? body : { ...body, bundle }, (answer) => {
      const isRefused = answer.kind === 'failed' && answer.failure.details?.['difference'];
      if (isRefused) this.#hands.world.coverage.reach('a run cannot move to another version');
    });
  }

  #cancel(): void {
    this.#hands.ask({ kind: 'cancel-run', run: this.#run }, () => undefined);
  }

  #shuffled<T>(list: readonly T[]): readonly T[] {
    if (this.#manner === undefined) return list;
    const keyed = list.map((one) => ({ one, key: this.#chance.next() }));
    return keyed.sort((left, right) => left.key - right.key).map(({ one }) => one);
  }
}
