/** What clients ask for: calls of random programs, reads, tasks and runs. */
import {
  type ActorId,
  actorId,
  type Delivery,
  encodeValue,
  type GangPolicy,
  type PriorityName,
  type RunId,
  runId,
  type SaidPriority,
  type TaskId,
  taskId,
} from '@troupe/model';
import type { Random } from '@troupe/virtual';
import { actorType, isPostbox, isTopic, type Part, type Program, tenant } from '../node/program.ts';
import { workflows } from './bundles.ts';
import type { Manner } from './nested-runs.ts';
import type { Scene, TenantWish } from './scene.ts';

/** What is asked for as one gang. */
export interface GangOperation {
  readonly kind: 'gang';
  readonly at: number;
  readonly gang: string;
  readonly tenant: string;
  readonly policy: GangPolicy;
  readonly priority: PriorityName;
  readonly members: readonly {
    readonly id: TaskId;
    readonly name: string;
    readonly parts: readonly Part[];
  }[];
  /** Its first member, and with it all that have not started. */
  readonly cancelAfterMs?: number;
}

export type Operation = {
  readonly at: number;
  /** Asked when nothing is wrong any more, and all else has come to its end: it must be done. */
  readonly last?: true;
  /** The scheduler that is asked; whichever the client is at unless given. */
  readonly via?: string;
  /** Its client stays with the scheduler that it asked, however long it hears nothing. */
  readonly patient?: true;
} & (
  | {
      readonly kind: 'call';
      readonly actor: ActorId;
      readonly program: Program;
      readonly deadlineMs: number;
      readonly priority?: SaidPriority;
      /** To the actor that is there when it is asked, and to none that has its name later. */
      readonly ofBirth?: true;
      /** Of an actor that is created by it; that of all unless given. */
      readonly scope?: string;
    }
  /** Under an idempotency key, which several clients share; `hear` is asked for with the id alone. */
  | {
      readonly kind: 'keyed';
      readonly key: string;
      readonly actor: ActorId;
      readonly method: 'run' | 'hear';
      readonly program: Program;
      readonly deadlineMs: number;
    }
  /** Its values are taken as they come; after each answer the client rests for so long. */
  | {
      readonly kind: 'stream';
      readonly actor: ActorId;
      readonly program: Program;
      readonly deadlineMs: number;
      readonly restMs: number;
    }
  | {
      readonly kind: 'read';
      readonly actor: ActorId;
      readonly deadlineMs: number;
      /** The actor as it was after this turn. */
      readonly atTurn?: number;
      readonly scope?: string;
    }
  /** Of the scope of all; what it names is read at once, or so much later. */
  | {
      readonly kind: 'savepoint';
      readonly scope: string;
      readonly savepoint: string;
      readonly later: number;
    }
  /** A savepoint is made, and so much later the scope goes back: to it, or to so many turns before it of one
   *  of its actors. */
  | {
      readonly kind: 'rewind';
      readonly scope: string;
      readonly savepoint: string;
      readonly later: number;
      readonly to?: { readonly vault: number; readonly turnsBefore: number };
    }
  | {
      readonly kind: 'signal';
      readonly actor: ActorId;
      readonly name: string;
      /** Unique over the whole run: the value. */
      readonly id: string;
      readonly deadlineMs: number;
    }
  /** An operator looks after the dead letters of this actor, or of the first that have any. */
  | {
      readonly kind: 'letters';
      readonly actor?: ActorId;
      readonly manner: 'redeliver' | 'discard' | 'both';
    }
  /** What comes of it: one call about them. */
  | {
      readonly kind: 'letter-call';
      readonly actor: ActorId;
      readonly method: string;
      readonly numbers: readonly number[];
      readonly deadlineMs: number;
    }
  /** A client asks something of a topic. */
  | {
      readonly kind: 'topic';
      readonly actor: ActorId;
      readonly method: 'publish' | 'subscribe' | 'unsubscribe';
      readonly args: readonly string[];
      readonly deadlineMs: number;
    }
  /** A client sends a letter, by this postbox. */
  | {
      readonly kind: 'send';
      readonly actor: ActorId;
      /** Of the receiver. */
      readonly key: string;
      readonly program: Program;
      readonly delivery: Delivery;
      readonly deadlineMs: number;
    }
  /** What the usual tenant is configured with is changed. */
  | { readonly kind: 'config'; readonly value: number }
  /** All actors go over to this bundle. */
  | {
      readonly kind: 'rollout';
      readonly by: string;
      readonly to: 0 | 1;
      readonly atOnce: number;
      readonly pauseMs: number;
    }
  /** An actor is made that ends with its owner, if that is there. */
  | {
      readonly kind: 'owned';
      readonly actor: ActorId;
      readonly by: string;
      readonly owner: OwnerWish;
    }
  /** The actor is paused for so long, or, without a time, destroyed. */
  | { readonly kind: 'life'; readonly actor: ActorId; readonly pauseMs?: number }
  | {
      readonly kind: 'task';
      readonly id: TaskId;
      /** The usual tenant unless given. */
      readonly tenant?: string;
      /** `work` or `once`, or one that the scene of the run declares. */
      readonly name: string;
      readonly parts: readonly Part[];
      readonly priority?: PriorityName;
      readonly queue?: string;
      readonly dueInMs?: number;
      readonly cancelAfterMs?: number;
    }
  | GangOperation
  /** So many places of a licence each are reserved for the tenant, then the gang is asked for; when it has ended,
   *  nothing is reserved any more. */
  | { readonly kind: 'rival'; readonly places: number; readonly gang: GangOperation }
  | { readonly kind: 'tenant'; readonly tenant: string; readonly wish: TenantWish }
  /** What is held for `reservedTenant` from now on; nothing without a wish. */
  | { readonly kind: 'reservation'; readonly wish: Scene['reserved'] }
  | {
      readonly kind: 'run';
      readonly id: RunId;
      readonly workflow: string;
      readonly input: Uint8Array;
      /** It is waited for and answered, and no more, unless given. */
      readonly manner?: Manner;
    }
);

export type OwnerWish =
  /** A session of the client: kept for so long, and then closed, or not heard of any more. */
  | { readonly kind: 'session'; readonly keepMs: number; readonly closes: boolean }
  | { readonly kind: 'actor'; readonly actor: ActorId }
  | { readonly kind: 'run'; readonly run: RunId };

export interface LoadShape {
  readonly keys: number;
  readonly operations: number;
  /** Letters carry as much as a record can just about hold a few of. */
  readonly wide: boolean;
  readonly fromMs: number;
  readonly untilMs: number;
}

type RunWish = Pick<Extract<Operation, { kind: 'run' }>, 'kind' | 'id' | 'workflow' | 'input'>;

const depthMax = 2;
const lastDeadlineMs = 30_000;
const lastActorsMax = 12;

export function drawOperations(
  client: string,
  shape: LoadShape,
  chance: Random,
): readonly Operation[] {
  const operations: Operation[] = [];
  // A few clients come in bursts, so that many turns share one append.
  const bursts = chance.chance(shape.wide ? 0.9 : 0.3);
  const burstAt = chance.next();
  for (let number = 0; number < shape.operations; number++) {
    const place = bursts && chance.chance(0.7) ? burstAt + 0.01 * chance.next() : chance.next();
    const at = shape.fromMs + Math.min(1, place) * (shape.untilMs - shape.fromMs);
    operations.push(drawOperation(`${client}-${number}`, at, shape, chance));
  }
  return operations.sort((left, right) => left.at - right.at);
}

/**
 * Of each client a few calls, a read and a task, to different actors, so that no mailbox is too
 * narrow; one of the actors is new.
 */
export function lastOperations(
  clients: readonly string[],
  actors: readonly ActorId[],
  at: number,
): ReadonlyMap<string, readonly Operation[]> {
  const base = { at, last: true, deadlineMs: lastDeadlineMs } as const;
  // A topic would fill the mailboxes of others.
  const agents = actors
    .filter((actor) => !isTopic(actor) && !isPostbox(actor))
    .slice(0, lastActorsMax);
  const all = [...agents, actorId(tenant, actorType, 'last')];
  return new Map(
    clients.map((client, place) => {
      const own = all.filter((_, index) => index % clients.length === place);
      const asked = own.map((actor, index): Operation => {
        if (index === 1) return { ...base, kind: 'read', actor };
        const program = { id: `${client}-last${index}`, parts: [] };
        return { ...base, kind: 'call', actor, program };
      });
      const id = taskId(`task-${client}-last`);
      return [client, [...asked, { at, last: true, kind: 'task', id, name: 'work', parts: [] }]];
    }),
  );
}

function drawOperation(id: string, at: number, shape: LoadShape, chance: Random): Operation {
  const { keys, wide } = shape;
  const drawn = chance.next();
  const key = chance.whole(0, keys - 1);
  const actor = actorId(tenant, actorType, keyOf(key));
  const deadlineMs = chance.chance(0.15) ? chance.whole(300, 4_000) : 30_000;
  if (drawn < 0.66) {
    const drawn = drawProgram(id, { key, keys, depth: 0, path: [key] }, chance);
    const program = wide ? withWideLetters(drawn, chance) : drawn;
    return { kind: 'call', at, actor, program, deadlineMs };
  }
  if (drawn < 0.82) return { kind: 'read', at, actor, deadlineMs };
  if (drawn < 0.93) {
    const parts = drawTaskParts(id, keys, chance);
    const name = chance.chance(0.75) ? 'work' : 'once';
    return { kind: 'task', at, id: taskId(`task-${id}`), name, parts };
  }
  return { at, ...drawRun(id, keys, chance) };
}

const wideBytesMax = 3_000;

/** The name of a step is as good a burden as any. */
function withWideLetters({ id, parts }: Program, chance: Random): Program {
  const letters = Array.from({ length: chance.whole(1, 3) }, (_, number): Part => {
    const inner = `${id}.w${number}`;
    const name = inner.padEnd(Math.round(chance.spread(500, wideBytesMax)), '.');
    return ['send', keyOf(0), { id: inner, parts: [['step', name]] }];
  });
  return { id, parts: [...parts, ...letters] };
}

interface Where {
  readonly key: number;
  readonly keys: number;
  readonly depth: number;
  /** Actors that await this one. */
  readonly path: readonly number[];
}

export function drawProgram(id: string, where: Where, chance: Random): Program {
  const parts: Part[] = [];
  const count = where.depth === 0 ? chance.whole(0, 4) : chance.whole(0, 2);
  for (let number = 0; number < count; number++) {
    const part = drawPart(`${id}.${number}`, where, chance);
    if (part !== undefined) parts.push(part);
  }
  return { id, parts };
}

function drawPart(id: string, where: Where, chance: Random): Part | undefined {
  const { key, keys, depth, path } = where;
  const drawn = chance.next();
  if (drawn < 0.3) {
    if (depth >= depthMax) return undefined;
    const to = chance.whole(0, keys - 1);
    const program = drawProgram(id, { key: to, keys, depth: depth + 1, path: [to] }, chance);
    return ['send', keyOf(to), program];
  }
  if (drawn < 0.5) {
    const to = drawCallee(where, chance);
    if (to === undefined) return undefined;
    const cycle = path.includes(to);
    const inner = { key: to, keys, depth: depth + 1, path: [...path, to] };
    return ['call', keyOf(to), cycle ? { id, parts: [] } : drawProgram(id, inner, chance)];
  }
  if (drawn < 0.75) return ['step', `s${id}`];
  if (drawn < 0.88) return ['sleep', Math.round(chance.spread(1, 900))];
  // More often than any turn is tried: it fails.
  if (drawn < 0.91) return ['crash', chance.pick([1, 1, 2, 3, 12])];
  if (drawn < 0.95) return ['fail'];
  return key === 0 ? ['sleep', 2_000] : undefined;
}

/** Awaited calls go to higher keys, so that two turns never wait for each other; or in a cycle that
 *  must be refused. */
function drawCallee({ key, keys, depth, path }: Where, chance: Random): number | undefined {
  if (chance.chance(0.1)) return chance.pick(path);
  if (depth >= depthMax || key >= keys - 1) return undefined;
  return chance.whole(key + 1, keys - 1);
}

function drawTaskParts(id: string, keys: number, chance: Random): Part[] {
  const parts: Part[] = [];
  for (let number = 0; number < chance.whole(0, 3); number++) {
    const part = `${id}.${number}`;
    if (chance.chance(0.5)) parts.push(['sleep', Math.round(chance.spread(5, 5_000))]);
    else if (chance.chance(0.1)) parts.push(['crash', 1]);
    else {
      const key = chance.whole(0, keys - 1);
      const where = { key, keys, depth: 1, path: [key] };
      parts.push(['call', keyOf(key), drawProgram(part, where, chance)]);
    }
  }
  return parts;
}

/** Of a workflow that every seed has. */
export function drawRun(id: string, keys: number, chance: Random): RunWish {
  const workflow = chance.pick(workflows);
  const ids: Record<string, string> = {};
  const calls: Record<string, string> = {};
  for (const block of workflow.blocks) {
    ids[block.id] = `${id}/${block.id}`;
    calls[block.id] = keyOf(chance.whole(0, keys - 1));
  }
  const items = Array.from({ length: chance.whole(0, 5) }, (_, index) => index);
  const input = encodeValue({ ids, keys: calls, items });
  return { kind: 'run', id: runId(`run-${id}`), workflow: workflow.name, input } as const;
}

export function keyOf(key: number): string {
  return `k${key}`;
}
