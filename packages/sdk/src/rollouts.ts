/** Rollouts: all actors of a type go over to another bundle, in waves. */
import { type ErrorCode, troupeError } from '@troupe/model';
import type { AnyActorDefinition } from './actor.ts';
import { checkWhole } from './definition.ts';
import { nameOf } from './handle.ts';
import type { CodeMessage, RolloutMessage } from './wire/messages.ts';
import type { Unary } from './wire/unary.ts';

export interface RolloutOptions {
  /** Hash of the bundle; the latest that was deployed with the type unless given. */
  readonly bundle?: string;
  /** Actors of one wave, 100 unless given: the next begins when all of these have gone over or failed. */
  readonly atOnce?: number;
  /** Between two waves; 0 unless given. */
  readonly pauseMs?: number;
  /** It stops when more actors than this have failed; 0 unless given. */
  readonly failuresMax?: number;
  /** To a lower version only: also actors go back that have taken turns since their state was upgraded. They
   *  get the state of before, and what these turns did to it is given up. */
  readonly discard?: boolean;
}

/** A bundle, and the version that it gives to states of the type. */
export interface CodeVersion {
  readonly bundle: string;
  readonly version: number;
}

export interface Rollout {
  readonly type: string;
  readonly to: CodeVersion;
  /** What was deployed before: where rolling back leads. */
  readonly before?: CodeVersion;
  /** `stopped`: more have failed than may. It goes on by `resume`. */
  readonly state: 'running' | 'paused' | 'stopped' | 'done';
  /** Actors of the type, by what they have. */
  readonly actors: readonly (CodeVersion & { readonly count: number })[];
  /** Told to go over, and not heard of yet: a turn of theirs runs or waits. */
  readonly underWay: number;
  /** Those keep the bundle that they had. */
  readonly failed: number;
  /** The first fifty of them, with why. */
  readonly failures: readonly {
    readonly actor: string;
    readonly code: ErrorCode;
    readonly message: string;
  }[];
  readonly atOnce: number;
  readonly pauseMs: number;
  readonly failuresMax: number;
  readonly startedAt: Date;
}

type Target = string | Pick<AnyActorDefinition, 'name'>;

export interface Rollouts {
  /** Begins one; the last of the same type ends. Answers as soon as it is durable. */
  start(type: Target, options?: RolloutOptions): Promise<Rollout>;
  /** No further wave begins. */
  pause(type: Target): Promise<Rollout>;
  /** Goes on with one that is paused or was stopped, or tries again what has failed. */
  resume(type: Target): Promise<Rollout>;
  /** Back to what was deployed before the last one. Fails with `WRONG_STATE` when there was nothing. */
  undo(type: Target, options?: Omit<RolloutOptions, 'bundle'>): Promise<Rollout>;
  /** The last one of each type. */
  list(): Promise<readonly Rollout[]>;
}

const atOnceUsual = 100;

export function rolloutsOf(unary: Unary, tenant: string): Rollouts {
  const start = async (type: Target, options: RolloutOptions = {}): Promise<Rollout> => {
    const { bundle = '', atOnce = atOnceUsual, pauseMs = 0, failuresMax = 0 } = options;
    checkWhole('atOnce', atOnce, 1);
    checkWhole('pauseMs', pauseMs, 0);
    checkWhole('failuresMax', failuresMax, 0);
    const pace = { atOnce, pauseMs, failuresMax, discard: options.discard === true };
    const asked = { tenant, type: nameOf(type), by: unary.newId(), bundle, ...pace };
    const answer = await unary.ask('DeploymentsService/StartRollout', asked, { begins: true });
    return rolloutOf(answer.rollout);
  };
  const change = async (type: Target, state: 'running' | 'paused'): Promise<Rollout> => {
    const asked = { tenant, type: nameOf(type), state };
    return rolloutOf((await unary.ask('DeploymentsService/ChangeRollout', asked)).rollout);
  };
  const list = async (): Promise<readonly Rollout[]> => {
    const { rollouts } = await unary.ask('DeploymentsService/ListRollouts', { tenant });
    return rollouts.map(rolloutOf);
  };
  return {
    start,
    pause: (type) => change(type, 'paused'),
    resume: (type) => change(type, 'running'),
    async undo(type, options = {}) {
      const name = nameOf(type);
      const before = (await list()).find((one) => one.type === name)?.before;
      if (before !== undefined) return await start(type, { ...options, bundle: before.bundle });
      const what = `there is no rollout of ${name} with something deployed before it`;
      throw troupeError('WRONG_STATE', what, { type: name });
    },
    list,
  };
}

function rolloutOf({ to, before, failures, at, ...message }: RolloutMessage): Rollout {
  const { tenant: _, state, actors, ...rest } = message;
  return {
    ...rest,
    state: state as Rollout['state'],
    to: codeOf(to),
    ...(before === undefined || before === null ? {} : { before: codeOf(before) }),
    actors: actors.map((one) => ({ ...codeOf(one), count: one.count })),
    failures: failures.map(({ actor, error }) => {
      return {
        actor,
        code: (error?.code ?? 'INTERNAL') as ErrorCode,
        message: error?.message ?? '',
      };
    }),
    startedAt: new Date(at),
  };
}

function codeOf(message: CodeMessage | null): CodeVersion {
  return { bundle: message?.bundle ?? '', version: message?.version ?? 1 };
}
