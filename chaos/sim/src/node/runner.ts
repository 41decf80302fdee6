/**
 * A runner process: holds the states of its actors and runs programs, as the real one runs methods.
 *
 * A1  turns of an actor run one after another; a read runs at once, on the state of the last
 *     finished turn.
 * A2  a turn that failed has changed nothing and sends nothing.
 * L2  what was recorded under an ordinal is given back and not done again.
 */
import {
  type ActorId,
  callTask,
  decodeValue,
  encodeValue,
  type FromRunner,
  failure,
  limits,
  type Outcome,
  type OutgoingSend,
  type Recorded,
  type TimerChange,
  type ToRunner,
  type WorkId,
} from '@troupe/model';
import { TimerBook } from '@troupe/worker-node-core';
import type { Process } from '../world/process.ts';
import type { World } from '../world/world.ts';
import { actorType, decodeArgs, encodeArgs, type Part, type Program } from './program.ts';

type TurnFrame = Extract<ToRunner, { kind: 'turn' }>;
type TaskFrame = Extract<ToRunner, { kind: 'task' }>;

interface Held {
  ids: string[];
  readonly timers: TimerBook;
  readonly queue: TurnFrame[];
  running: boolean;
}

/** A turn or task under way. */
interface Work {
  readonly work: WorkId;
  readonly actor: ActorId | undefined;
  readonly callId: string;
  readonly program: Program;
  readonly recorded: ReadonlyMap<number, Recorded>;
  readonly sends: OutgoingSend[];
  readonly timers: TimerChange[];
  /** What calls and steps came to, in order. */
  readonly results: unknown[];
  readonly done: (work: Work, outcome: Outcome) => void;
  part: number;
  ordinal: number;
  cancelled: boolean;
}

export interface RunnerStart {
  readonly world: World;
  readonly process: Process;
  /** Incarnation of its node. */
  readonly node: string;
  readonly emit: (frame: FromRunner) => void;
  readonly crash: (why: string) => void;
}

const callDeadlineMs = 30_000;

export class Runner {
  readonly #start: RunnerStart;
  readonly #held = new Map<ActorId, Held>();
  readonly #works = new Map<WorkId, Work>();

  constructor(start: RunnerStart) {
    this.#start = start;
  }

  hear(frame: ToRunner): void {
    switch (frame.kind) {
      case 'activate':
        return this.#activate(frame);
      case 'deactivate':
        this.#held.delete(frame.actor);
        return;
      case 'turn':
        return frame.read ? this.#read(frame) : this.#queue(frame);
      case 'task':
        return this.#task(frame);
      case 'step-go':
        return this.#step(frame.work, frame.ordinal);
      case 'call-returned':
        return this.#returned(frame.work, frame.ordinal, frame.outcome);
      case 'capture': {
        const state = encodeValue({ ids: this.#held.get(frame.actor)?.ids ?? [] });
        const { actor, request } = frame;
        return this.#start.emit({ kind: 'captured', actor, request, state });
      }
      case 'cancel': {
        const work = this.#works.get(frame.work);
        if (work !== undefined) work.cancelled = true;
        return;
      }
    }
  }

  #activate(frame: Extract<ToRunner, { kind: 'activate' }>): void {
    const { actor, state, deltas } = frame;
    const from = state === undefined ? { ids: [] } : (decodeValue(state) as { ids: string[] });
    const ids = [...from.ids, ...deltas.map((delta) => String(decodeValue(delta)))];
    this.#held.set(actor, { ids, timers: bookOf(frame), queue: [], running: false });
    this.#start.world.checks.activated(actor, ids, this.#start.node);
    this.#start.emit({ kind: 'activated', actor });
  }

  #read(frame: TurnFrame): void {
    const ids = this.#held.get(frame.actor)?.ids ?? [];
    const outcome: Outcome = { ok: true, value: encodeValue([...ids]) };
    this.#start.emit({ kind: 'turn-done', work: frame.work, outcome, sends: [] });
  }

  #queue(frame: TurnFrame): void {
    const held = this.#held.get(frame.actor);
    if (held === undefined) return;
    held.queue.push(frame);
    if (!held.running) this.#nextTurn(held);
  }

  #nextTurn(held: Held): void {
    const frame = held.queue.shift();
    held.running = frame !== undefined;
    if (frame === undefined) return;
    const { coverage } = this.#start.world;
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
    if (frame.recorded.length > 0) coverage.reach('a begun turn runs again');
    this.#run({
      work: frame.work,
      actor: frame.actor,
      callId: frame.callId,
      program: programOf(frame),
      recorded: new Map(frame.recorded.map((one) => [one.ordinal, one])),
      done: (work, outcome) => {
        this.#turnDone(held, work, frame, outcome);
        this.#nextTurn(held);
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
    const delta = encodeValue(program.id);
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
    this.#run({
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
    });
  }

  #run(begun: Omit<Work, 'sends' | 'timers' | 'results' | 'part' | 'ordinal' | 'cancelled'>): void {
    const work: Work = {
      ...begun,
      sends: [],
      timers: [],
      results: [],
      part: 0,
      ordinal: 0,
      cancelled: false,
    };
    this.#works.set(work.work, work);
    // A plain turn takes no time at all often enough, so that many share one append.
    const { world, process } = this.#start;
    if (world.chance.chance(0.5)) this.#goOn(work);
    else process.after(world.chance.spread(0.05, 8), () => this.#goOn(work));
  }

  #goOn(work: Work): void {
    for (;;) {
      if (this.#works.get(work.work) !== work) return;
      if (work.cancelled) return this.#end(work, failed('CANCELLED', work));
      const part = work.program.parts[work.part];
      if (part === undefined) {
        const value = encodeValue([work.program.id, work.results]);
        return this.#end(work, { ok: true, value });
      }
      if (!this.#part(work, part)) return;
      work.part += 1;
    }
  }

  /** True when the part is done and the next may follow at once. */
  #part(work: Work, part: Part): boolean {
    const { world, process, crash } = this.#start;
    switch (part[0]) {
      case 'send': {
        const [, key, program] = part;
        work.sends.push({ type: actorType, key, method: 'run', args: encodeArgs(program) });
        return true;
      }
      case 'timer': {
        const [, name, when, program] = part;
        work.timers.push({ kind: 'set', name, when, method: 'run', args: encodeArgs(program) });
        return true;
      }
      case 'cancel':
        work.timers.push({ kind: 'cancel', name: part[1] });
        return true;
      case 'later': {
        const [, key, ms, program] = part;
        const to = { type: actorType, key };
        const when = { kind: 'after', ms } as const;
        work.timers.push({ kind: 'set', when, method: 'run', args: encodeArgs(program), to });
        return true;
      }
      case 'fail':
        this.#end(work, failed('USER_ERROR', work));
        return false;
      case 'sleep':
        process.after(part[1], () => {
          work.part += 1;
          this.#goOn(work);
        });
        return false;
      case 'crash': {
        const crashes = world.crashes.get(work.callId) ?? 0;
        if (crashes >= part[1]) return true;
        world.crashes.set(work.callId, crashes + 1);
        world.coverage.reach('a runner crashes under a turn');
        crash(`as ${work.program.id} asked`);
        return false;
      }
      case 'step':
      case 'call':
        return this.#departure(work, part);
    }
  }

  #departure(work: Work, part: Extract<Part, readonly ['step' | 'call', ...unknown[]]>): boolean {
    const { ordinal } = work;
    const record = work.recorded.get(ordinal);
    if (record?.outcome !== undefined) {
      work.ordinal += 1;
      if (record.kind === 'step')
        this.#start.world.coverage.reach('a recorded step is not repeated');
      return this.#take(work, record.outcome);
    }
    if (record !== undefined) {
      this.#start.world.coverage.reach('an awaited call comes back after a failover');
    }
    if (part[0] === 'step') {
      this.#start.emit({ kind: 'step-begin', work: work.work, ordinal, name: part[1] });
      return false;
    }
    const [, key, program] = part;
    this.#start.emit({
      kind: 'call-out',
      work: work.work,
      ordinal,
      name: `${actorType}/${key}.run`,
      type: actorType,
      key,
      method: 'run',
      args: encodeArgs(program),
      deadlineMs: callDeadlineMs,
    });
    return false;
  }

  /** True when user code goes on with what it got. */
  #take(work: Work, outcome: Outcome): boolean {
    if (!outcome.ok) {
      this.#end(work, outcome);
      return false;
    }
    work.results.push(decodeValue(outcome.value));
    return true;
  }

  #step(id: WorkId, ordinal: number): void {
    const work = this.#works.get(id);
    const part = work?.program.parts[work.part];
    if (work === undefined || part?.[0] !== 'step' || work.ordinal !== ordinal) return;
    if (work.cancelled) return this.#end(work, failed('CANCELLED', work));
    const { world, process, node } = this.#start;
    const effect = `${work.callId}/${ordinal}`;
    world.trace?.say(process.name, `does ${effect}`);
    world.checks.effect({ effect, actor: work.actor, node });
    process.after(world.chance.spread(0.1, 60), () => {
      if (this.#works.get(id) !== work) return;
      const outcome: Outcome = { ok: true, value: encodeValue(effect) };
      this.#start.emit({ kind: 'step-done', work: id, ordinal, name: part[1], outcome });
      work.ordinal += 1;
      work.part += 1;
      if (this.#take(work, outcome)) this.#goOn(work);
    });
  }

  #returned(id: WorkId, ordinal: number, outcome: Outcome): void {
    const work = this.#works.get(id);
    if (work === undefined || work.ordinal !== ordinal) return;
    if (work.program.parts[work.part]?.[0] !== 'call') return;
    work.ordinal += 1;
    work.part += 1;
    if (this.#take(work, outcome)) this.#goOn(work);
  }

  #end(work: Work, outcome: Outcome): void {
    this.#works.delete(work.work);
    work.done(work, outcome);
  }
}

const nothing: Outcome = { ok: true, value: encodeValue(null) };

/** The timers as its node gives them; who hears of them is told by that one. */
function bookOf({ timers, nextTimer }: Extract<ToRunner, { kind: 'activate' }>): TimerBook {
  const told = { channel: 0, generation: 0, from: 1, news: [] };
  return TimerBook.from({ next: nextTimer ?? 1, pending: timers ?? [], ...told }, 0);
}

/** A timer that comes again runs another program each time. */
function programOf({ args, timer }: TurnFrame): Program {
  const program = decodeArgs(args);
  if (timer === undefined || program.repeats === undefined) return program;
  return { ...program, id: `${program.id}.f${timer.firing}` };
}

/** What it was given, and the port that it was given to leave by. */
function givenOf({ input }: TaskFrame): { readonly given: unknown; readonly port?: unknown } {
  const given = decodeValue(input);
  const hasPort = typeof given === 'object' && given !== null && 'port' in given;
  return hasPort ? { given, port: given.port } : { given };
}

function failed(code: 'USER_ERROR' | 'CANCELLED', { program }: Work): Outcome {
  return { ok: false, failure: failure(code, `program ${program.id} ended badly`) };
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
