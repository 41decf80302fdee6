/**
 * A runner process: holds the states of its actors and runs programs, as the real one runs methods.
 *
 * A1  turns of an actor run one after another; a read runs at once, on the state of the last
 *     finished turn.
 * A2  a turn that failed has changed nothing and sends nothing.
 * A3  when a turn was given up because it waits, no other begins before the node has said that it
 *     knows.
 */
import {
  type ActorId,
  actorParts,
  type Bytes,
  callTask,
  decodeValue,
  encodeValue,
  limits,
  type Outcome,
  sameActor,
  type TenantName,
  type TimerChange,
  type ToRunner,
} from '@troupe/model';
import { TimerBook } from '@troupe/worker-node-core';
import { cannotMigrate, encodeDelta, encodeState, heldOf } from './form.ts';
import { Play, type PlayStart, type Work } from './play.ts';
import { type Part, type Program, programIn } from './program.ts';

type TurnFrame = Extract<ToRunner, { kind: 'turn' }>;
type TaskFrame = Extract<ToRunner, { kind: 'task' }>;

/** A turn, and the configuration that it sees. */
interface Queued {
  readonly frame: TurnFrame;
  readonly config: number;
}

interface Held {
  readonly ids: string[];
  /** Version of the state. */
  form: number;
  readonly timers: TimerBook;
  readonly queue: Queued[];
  running: boolean;
  /** Its turn was given up, and the node has not said that it knows. */
  waits: boolean;
}

export class Runner {
  readonly #start: PlayStart;
  readonly #play: Play;
  readonly #held = new Map<ActorId, Held>();
  /** States of actors that may soon be here. */
  readonly #ahead = new Map<ActorId, { readonly revision: number; readonly state: Bytes }>();
  /** Version of the configuration that was given last, by tenant. */
  readonly #configs = new Map<TenantName, number>();

  constructor(start: PlayStart) {
    this.#start = start;
    this.#play = new Play(start);
  }

  hear(frame: ToRunner): void {
    switch (frame.kind) {
      case 'activate':
        return this.#activate(frame);
      case 'build-ahead': {
        const { actor, revision, state } = frame;
        this.#ahead.set(actor, { revision, state });
        return this.#start.emit({ kind: 'built-ahead', actor, revision, kept: true });
      }
      case 'drop-ahead':
        this.#ahead.delete(frame.actor);
        return;
      case 'deactivate':
        this.#held.delete(frame.actor);
        this.#ahead.delete(frame.actor);
        return this.#play.leave(frame.actor);
      case 'turn':
        return frame.read ? this.#read(frame) : this.#queue(frame);
      case 'config':
        this.#configs.set(frame.tenant, frame.version);
        return;
      case 'task':
        return this.#task(frame);
      case 'step-go':
        return this.#play.stepGo(frame.work, frame.ordinal);
      case 'call-returned':
        return this.#play.returned(frame.work, frame.ordinal, frame.outcome);
      case 'capture': {
        const { ids = [], form = 1 } = this.#held.get(frame.actor) ?? {};
        const state = encodeState({ ids, form });
        const { actor, request } = frame;
        return this.#start.emit({ kind: 'captured', actor, request, state });
      }
      case 'cancel':
        return this.#play.cancel(frame.work);
      case 'recall': {
        const queue = this.#held.get(frame.actor)?.queue.splice(0) ?? [];
        if (queue.length > 0) {
          this.#start.world.coverage.reach('turns are given back for a more urgent one');
        }
        const works = queue.map(({ frame: { work } }) => work);
        return this.#start.emit({ kind: 'recalled', actor: frame.actor, works });
      }
      // Its programs yield so little that there is always room.
      case 'yields-seen':
        return;
      case 'waits-seen': {
        const held = this.#held.get(frame.actor);
        if (held !== undefined) held.waits = false;
        return;
      }
    }
  }

  #activate(frame: Extract<ToRunner, { kind: 'activate' }>): void {
    const { actor, deltas, migrate } = frame;
    const { manifests, coverage, checks } = this.#start.world;
    const state = frame.state ?? this.#builtAhead(frame);
    const version = manifests.versionOf(this.#start.bundle);
    const { ids, form } = heldOf(state, deltas, version);
    const hasState = state !== undefined || deltas.length > 0;
    const isToMigrate = migrate !== undefined && (hasState || 'stored' in migrate);
    if (isToMigrate && 'from' in migrate && cannotMigrate(actor)) {
      coverage.reach('a state cannot be migrated');
      const failure = { code: 'USER_ERROR', message: `${actor} cannot be migrated` } as const;
      return this.#start.emit({ kind: 'activate-failed', actor, failure });
    }
    const { bundle, node } = this.#start;
    const from = isToMigrate && 'from' in migrate ? migrate.from : version;
    checks.ran({ actor, bundle, form, from, node });
    this.#held.set(actor, {
      ids,
      form: version,
      timers: bookOf(frame),
      queue: [],
      running: false,
      waits: false,
    });
    if (sameActor(actor) === actor) {
      this.#start.world.checks.activated(actor, ids, this.#start.node);
    }
    const activated = { kind: 'activated', actor } as const;
    if (!isToMigrate) return this.#start.emit(activated);
    coverage.reach('stored' in migrate ? 'a state is rolled back' : 'a state is migrated');
    const migrated = { former: encodeState({ ids, form }), delta: encodeDelta(version) };
    this.#start.emit({ ...activated, migrated });
  }

  #builtAhead({ actor, ahead }: Extract<ToRunner, { kind: 'activate' }>): Bytes | undefined {
    const built = this.#ahead.get(actor);
    this.#ahead.delete(actor);
    if (ahead === undefined) return undefined;
    this.#start.world.coverage.reach('a state was built ahead');
    return built?.revision === ahead ? built.state : undefined;
  }

  #read(frame: TurnFrame): void {
    const ids = this.#held.get(frame.actor)?.ids ?? [];
    const outcome: Outcome = { ok: true, value: encodeValue([...ids]) };
    this.#start.emit({ kind: 'turn-done', work: frame.work, outcome, sends: [] });
  }

  #queue(frame: TurnFrame): void {
    const held = this.#held.get(frame.actor);
    if (held === undefined || held.waits) return;
    const config = this.#configs.get(actorParts(frame.actor).tenant) ?? 0;
    held.queue.push({ frame, config });
    if (!held.running) this.#nextTurn(held);
  }

  #nextTurn(held: Held): void {
    const queued = held.queue.shift();
    held.running = queued !== undefined;
    if (queued === undefined) return;
    const { frame, config: version } = queued;
    const { coverage, checks } = this.#start.world;
    const { timer, work } = frame;
    if (timer !== undefined && held.timers.get(timer.number)?.firing !== timer.firing) {
      coverage.reach('a timer is cancelled as it fires');
      this.#start.emit({ kind: 'turn-done', work, outcome: nothing, sends: [], skipped: true });
      return this.#nextTurn(held);
    }
    if (timer?.to !== undefined) {
      const { method, args } = frame;
      held.timers.fired(timer.number, timer.firing);
      const sends = [{ ...timer.to, method, args }];
      this.#start.emit({ kind: 'turn-done', work, outcome: nothing, sends });
      return this.#nextTurn(held);
    }
    const { actor, callId } = frame;
    checks.configured({ actor, callId, version, node: this.#start.node });
    if (frame.recorded.length > 0) {
      coverage.reach('a begun turn runs again');
      if (version < checks.truth.configVersion) {
        coverage.reach('a begun turn runs again with an older configuration');
      }
    }
    this.#play.run({
      work: frame.work,
      actor: frame.actor,
      callId: frame.callId,
      program: programOf(frame),
      recorded: new Map(frame.recorded.map((one) => [one.ordinal, one])),
      yielded: frame.yielded,
      done: (work, outcome) => {
        this.#turnDone(held, work, frame, outcome);
        this.#nextTurn(held);
      },
      waits: ({ work }, ordinals) => {
        held.running = false;
        held.waits = true;
        held.queue.length = 0;
        this.#start.emit({ kind: 'turn-waits', work, ordinals });
      },
    });
  }

  #turnDone(held: Held, turn: Work, { timer }: TurnFrame, outcome: Outcome): void {
    const { work, program, sends } = turn;
    const { repeats } = program;
    if (timer !== undefined) held.timers.fired(timer.number, timer.firing);
    if (!outcome.ok) {
      return this.#start.emit({ kind: 'turn-done', work, outcome, sends: [] });
    }
    held.ids.push(program.id);
    const delta = encodeDelta(held.form, program.id);
    const isOver = repeats !== undefined && (timer?.firing ?? 0) >= repeats.times;
    const timers: readonly TimerChange[] = isOver
      ? [...turn.timers, { kind: 'cancel', name: repeats.name }]
      : turn.timers;
    held.timers.change(timers, 0);
    const done = { kind: 'turn-done', work, outcome, delta, sends } as const;
    this.#start.emit(timers.length === 0 ? done : { ...done, timers });
  }

  #task(frame: TaskFrame): void {
    const { node, emit } = this.#start;
    const { task, attempt, work } = frame;
    this.#start.world.checks.attempted({ task, attempt, node });
    this.#play.run({
      work,
      actor: undefined,
      callId: `task:${task}`,
      program: taskProgram(frame),
      recorded: new Map(),
      done: ({ results }, outcome) => {
        const value =
          frame.name === callTask
            ? encodeValue(results[0])
            : encodeValue({ task, attempt, node, ...givenOf(frame), results, ...padOf(task) });
        emit({ kind: 'task-done', work, outcome: outcome.ok ? { ok: true, value } : outcome });
      },
      // A task waits for no signal.
      waits: () => undefined,
    });
  }
}

const nothing: Outcome = { ok: true, value: encodeValue(null) };

/** The timers as its node gives them; who hears of them is told by that one. */
function bookOf({ timers, nextTimer }: Extract<ToRunner, { kind: 'activate' }>): TimerBook {
  const told = { channel: 0, generation: 0, from: 1, news: [] };
  return TimerBook.from({ next: nextTimer ?? 1, pending: timers ?? [], ...told }, 0);
}

/** A timer that comes again runs another program each time. */
function programOf({ method, args, actor, timer }: TurnFrame): Program {
  const program = programIn(method, args, actor);
  if (timer === undefined || program.repeats === undefined) return program;
  return { ...program, id: `${program.id}.f${timer.firing}` };
}

/** What it was given, and the port that it was given to leave by. */
function givenOf({ input }: TaskFrame): { readonly given: unknown; readonly port?: unknown } {
  const given = decodeValue(input);
  const hasPort = typeof given === 'object' && given !== null && 'port' in given;
  return hasPort ? { given, port: given.port } : { given };
}

/** What a task does: `$call` calls an actor; the others run the program in their input. */
function taskProgram(frame: TaskFrame): Program {
  const input = decodeValue(frame.input);
  if (frame.name === callTask) {
    const { key, args } = input as { key: string; args: [string, readonly Part[]] };
    return { id: frame.task, parts: [['call', key, { id: args[0], parts: args[1] }]] };
  }
  const { parts } = input as { parts?: readonly Part[] | null };
  return { id: `${frame.task}`, parts: parts ?? [] };
}

/** Of the tasks that are no block of a run, one in eight has an output too large for a record. */
function padOf(task: string): { readonly pad?: Uint8Array } {
  if (task.startsWith('run:')) return {};
  let sum = 0;
  for (let at = 0; at < task.length; at++) sum += task.charCodeAt(at);
  return sum % 8 === 0 ? { pad } : {};
}

const pad = new Uint8Array(limits.payloadBytesMax);
