/**
 * Any history of events: the invariants hold after each, the facts decided give the same durable
 * state on a fresh machine (S4), an image in the middle changes nothing (S1), and a new leader
 * may take over at any moment.
 */
import {
  encode,
  encodeHandle,
  encodeValue,
  gangPolicies,
  type Incarnation,
  nodeName,
  type Outcome,
  runId,
  type TimerNews,
  type TimerWhen,
  taskId,
  tenantName,
} from '@troupe/model';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ActorRecord } from '../src/actors.ts';
import { SchedulerMachine } from '../src/index.ts';
import { State } from '../src/state.ts';
import { cart, config, failed, ok, Scene, stateOf, task, tenant, workflow } from './scene.ts';

const nodeNames = ['n1', 'n2', 'n3'];

const step = fc.record({
  kind: fc.constantFrom(
    'join',
    'join',
    'log-created',
    'pass',
    'pass-long',
    'hush',
    'notice',
    'seal',
    'log-deleted',
    'resolve',
    'resolve',
    'savepoint',
    'rewind',
    'savepoint-drop',
    'place-seen',
    'rebased',
    'create',
    'wish',
    'wish',
    'settled',
    'settled',
    'drain',
    'cordon',
    'release',
    'migrate',
    'timers',
    'timers',
    'left',
    'deposed',
    'submit',
    'submit',
    'gang',
    'finish',
    'finish',
    'finish-large',
    'sweep',
    'fail',
    'stale-result',
    'cancel',
    'run',
    'resume',
    'cancel-run',
    'image',
    'fail-over',
    'deploy',
    'tenant',
    'config',
    'config',
    'reserve',
    'reserve',
    'drop',
  ),
  pick: fc.nat({ max: 1_000 }),
});

type Step = { readonly kind: string; readonly pick: number };

function codeOf(outcome: Outcome): string {
  return outcome.ok ? 'ok' : outcome.failure.code;
}

class History {
  readonly scene = new Scene();
  #incarnations = 0;
  /** Objects in the store. */
  readonly stored = new Set<number>();
  image: { readonly bytes: Uint8Array; readonly facts: number } | undefined;

  constructor() {
    this.deploy(0);
  }

  deploy(pick: number): void {
    const flow = workflow(
      'flow',
      [
        { kind: 'task', task: 'work', id: 'a', after: [], input: { $ref: ['input'] } },
        {
          kind: 'task',
          task: 'work',
          id: 'each',
          after: ['a'],
          each: [1, 2, 3],
          input: { $ref: ['item'] },
          inFlightMax: 2,
        },
        { kind: 'pause', id: 'p', after: [], prompt: 'well?', limitMs: 9_000 },
        {
          kind: 'call',
          id: 'c',
          after: ['p'],
          type: 'Cart',
          key: 'k',
          method: 'add',
          args: [{ $ref: ['blocks', 'each'] }],
        },
      ],
      { $ref: ['blocks', 'c'] },
    );
    const brief = { retries: 1, backoffMs: [500] };
    const tasks = [
      task('work', brief),
      task('urgent', { ...brief, placement: { preempts: true } }),
      task('drawn', { ...brief, resources: { gpu: 0.5 } }),
    ];
    const limited = pick % 2 === 0 ? flow : { ...flow, limitMs: 7_000 };
    this.scene.deploys({ workflows: [limited], tasks }, `b${pick % 3}`);
  }

  /** The store says what lies there, and does as it is told. */
  sweep(): void {
    const deleted = new Set<number>();
    const take = () => {
      for (const send of this.scene.sends) {
        if (send.kind !== 'delete-objects') continue;
        for (const object of send.objects) deleted.add(object);
      }
      for (const object of deleted) this.stored.delete(object);
    };
    take();
    this.scene.tell({ kind: 'objects-listed', objects: [...this.stored] });
    take();
    // B1, B2: nothing is left that nobody holds, and nothing is gone that somebody does.
    const held = (this.scene.machine.durable().objects ?? []).map(({ stored }) => stored.object);
    expect([...this.stored].sort()).toEqual([...held].sort());
  }

  one<T>(list: readonly T[], pick: number): T | undefined {
    return list[pick % Math.max(list.length, 1)];
  }

  nodes(...phases: string[]): Incarnation[] {
    const { nodes } = this.scene.machine.durable().nodes;
    return nodes.filter(({ phase }) => phases.includes(phase.kind)).map((node) => node.incarnation);
  }

  take({ kind, pick }: Step): void {
    if (this.#ofNodes(kind, pick) || this.#ofActors(kind, pick)) return;
    this.#ofWork(kind, pick);
  }

  #ofNodes(kind: string, pick: number): boolean {
    const { scene } = this;
    const present = this.one(this.nodes('joining', 'alive', 'draining'), pick);
    switch (kind) {
      case 'join':
        this.#incarnations++;
        scene.joins(`${nodeNames[pick % 3]}.${String(this.#incarnations).padStart(8, '0')}`, {
          cpu: 1 + (pick % 3),
          gpu: pick % 2,
        });
        return true;
      case 'log-created':
        scene.asksToJoin(`n4.${String(pick % 7).padStart(8, '0')}`);
        for (const node of this.nodes('joining'))
          scene.tell({ kind: 'log-created', incarnation: node });
        return true;
      case 'pass':
        scene.pass(pick);
        return true;
      case 'config':
        scene.ask({ kind: 'put-config', tenant, set: encodeValue({ n: pick % 5 }), unset: [] });
        if (present === undefined) return true;
        scene.hear({ kind: 'config-seen', incarnation: present, tenant, version: pick % 4 });
        scene.hear({ kind: 'ask-config', incarnation: present, tenant, version: pick % 4 });
        return true;
      case 'pass-long':
        scene.pass(3_200);
        return true;
      case 'hush':
        if (present !== undefined) scene.beating.delete(present);
        return true;
      case 'notice':
        if (present !== undefined) scene.tell({ kind: 'disconnect-notice', incarnation: present });
        return true;
      case 'seal':
        for (const node of this.nodes('dying')) {
          scene.tell({ kind: 'log-created', incarnation: node });
          scene.sealed(node, 1 + pick);
        }
        return true;
      case 'log-deleted':
        for (const send of scene.sends) {
          if (send.kind === 'delete-log') scene.tell({ kind: 'log-deleted', log: send.log });
        }
        return true;
      case 'drain':
        if (present !== undefined) scene.hear({ kind: 'leaving', incarnation: present });
        return true;
      case 'cordon':
        if (present !== undefined) {
          const node = nodeName(present.slice(0, present.indexOf('.')));
          scene.asks({ kind: 'cordon-node', node, cordoned: pick % 3 > 0 });
        }
        return true;
      case 'left':
        if (present !== undefined) scene.hear({ kind: 'left', incarnation: present });
        return true;
      case 'deposed':
        if (present !== undefined && pick % 4 === 0) {
          scene.hear({
            kind: 'deposed',
            incarnation: present,
            appendsRefused: 1,
            repliesWithheld: 1,
          });
        }
        return true;
      default:
        return false;
    }
  }

  #ofActors(kind: string, pick: number): boolean {
    const { scene } = this;
    const actor = this.one(scene.machine.durable().actors, pick);
    const entry = actor && { actor: actor.id, epoch: actor.epoch - (pick % 5 === 0 ? 1 : 0) };
    const from =
      pick % 7 === 0 ? this.one(this.nodes('alive', 'sealed', 'dying'), pick) : actor?.node;
    switch (kind) {
      case 'resolve':
        scene.hear({
          kind: 'resolve',
          actor: cart(`k${pick % 9}`),
          replyTo: 'gateway:g' as never,
          refusedEpoch: pick,
          ...(pick % 2 === 0 ? {} : { scope: 'bank' }),
        });
        return true;
      case 'rewind':
        this.#rewind(pick);
        return true;
      case 'savepoint':
      case 'savepoint-drop':
        this.#savepoint(kind, pick);
        return true;
      case 'create':
        scene.ask({
          kind: 'create-actor',
          actor: cart(`k${pick % 9}`),
          by: `r${pick % 5}`,
          labels: { team: `t${pick % 2}` },
        });
        return true;
      case 'wish': {
        if (actor === undefined) return true;
        const { id, birth } = actor;
        const wish = (['live', 'paused', 'ending'] as const)[pick % 3] ?? 'live';
        scene.ask({
          kind: 'wish-actor',
          actor: id,
          birth: birth - (pick % 11 === 0 ? 1 : 0),
          wish,
        });
        return true;
      }
      case 'settled':
        if (entry && from && actor.life) {
          const at = actor.life.at - (pick % 13 === 0 ? 1 : 0);
          const actors = [{ ...entry, wish: { ...actor.life, at }, revision: pick }];
          scene.hear({ kind: 'settled', incarnation: from, actors });
        }
        return true;
      case 'place-seen':
        if (entry && from) scene.hear({ kind: 'place-seen', incarnation: from, placed: [entry] });
        return true;
      case 'rebased':
        if (entry && from) scene.hear({ kind: 'rebased', incarnation: from, actors: [entry] });
        return true;
      case 'migrate': {
        const to = pick % 2 === 0 ? { to: nodeName(nodeNames[pick % 3] ?? '') } : {};
        if (actor) scene.ask({ kind: 'migrate-actor', actor: actor.id, ...to, waitMs: pick });
        return true;
      }
      case 'release':
        if (entry && from) scene.hear({ kind: 'released', incarnation: from, actors: [entry] });
        return true;
      case 'timers':
        if (actor !== undefined) this.#timers(actor, pick);
        return true;
      default:
        return false;
    }
  }

  #savepoint(kind: 'savepoint' | 'savepoint-drop', pick: number): void {
    const { scene } = this;
    const named = { tenant, scope: 'bank', savepoint: `s${pick % 4}` };
    if (kind === 'savepoint-drop') {
      scene.asks({ kind: 'drop-savepoint', ...named });
      return;
    }
    scene.asks({ kind: 'make-savepoint', ...named });
    // Every node answers, unless one is silent in the second round.
    for (const round of pick % 5 === 0 ? [1] : [1, 2]) {
      const { sends } = scene;
      scene.sends = [];
      for (const send of sends) {
        if (send.kind !== 'to-node' || send.message.kind !== 'ask-turns') continue;
        const { ask, actors } = send.message;
        const found = actors.map((one) => ({ ...one, turn: pick + (round === 1 ? 3 : 2) }));
        scene.hear({ kind: 'turns-found', incarnation: send.node, ask, found });
      }
      scene.sends = [...sends, ...scene.sends];
    }
  }

  /** Every node answers, unless one is silent at some step. */
  #rewind(pick: number): void {
    const { scene } = this;
    const to = { savepoint: `s${pick % 4}` };
    scene.asks({ kind: 'rewind', tenant, scope: 'bank', to, by: `by${pick % 3}` });
    for (let step = 0; step < 6 - (pick % 3); step++) {
      const { sends } = scene;
      scene.sends = [];
      for (const send of sends) {
        if (send.kind !== 'to-node') continue;
        const { node: incarnation, message } = send;
        if (message.kind === 'hold-actors' || message.kind === 'ask-turns') {
          const found = message.actors.map((one) => ({ ...one, turn: 2 }));
          scene.hear({ kind: 'turns-found', incarnation, ask: message.ask, found });
        } else if (message.kind === 'ask-passage') {
          for (const { actor, epoch } of message.actors) {
            const passage = { sent: [[actor, pick % 4]] as const, taken: [] };
            scene.hear({
              kind: 'passage-found',
              incarnation,
              ask: message.ask,
              actor,
              epoch,
              passage,
            });
          }
        } else if (message.kind === 'take-back') {
          const actors = message.actors.map(({ actor, epoch }) => ({ actor, epoch }));
          scene.hear({ kind: 'rebased', incarnation, actors });
        }
      }
    }
  }

  /** News of an actor that follow what is known, or begin anew, with a copy of an old one now and then. */
  #timers({ id: actor, birth, node }: ActorRecord, pick: number): void {
    const known = this.scene.machine.durable().timers?.find(([of]) => of === actor);
    const [, , channel = 0, upTo = 0, timers = []] = known ?? [];
    const anew = pick % 11 === 0;
    const from = anew ? 1 : upTo + 1 - (pick % 5 === 0 ? 1 : 0);
    const [number, , , firing] = this.one(timers, pick) ?? [1, null, null, 1];
    const whens: readonly TimerWhen[] = [
      { kind: 'after', ms: pick },
      { kind: 'every', firstMs: pick, ms: 100 + pick },
      { kind: 'at', wall: this.scene.wall + pick },
      { kind: 'cron', cron: '*/5 * * * * *', zone: 'UTC' },
    ];
    // Numbers rise over all channels.
    const next = 1 + Math.max(upTo, ...timers.map(([number]) => number));
    const set = { kind: 'set', number: next, when: this.one(whens, pick) } as TimerNews;
    const news: TimerNews[] = [
      set,
      ...(pick % 3 === 0 ? [{ kind: 'cancelled', number } as const] : []),
      ...(pick % 3 === 1 ? [{ kind: 'fired', number, firing } as const] : []),
    ];
    const all = anew ? [{ kind: 'anew' } as const, ...news] : news;
    const told = { actor, birth, channel: channel + (anew ? 1 : 0), from: Math.max(1, from) };
    this.scene.hear({ kind: 'timer-news', incarnation: node, actors: [{ ...told, news: all }] });
  }

  /** Of its own tenant, with GPUs or without, or of another one that runs nothing. */
  #reserve(kind: 'reserve' | 'drop', pick: number): void {
    const owner = pick % 3 === 0 ? tenantName('other') : tenant;
    const name = { tenant: owner, reservation: `r${pick % 2}` };
    if (kind === 'drop') {
      this.scene.asks({ kind: 'drop-reservation', ...name });
      return;
    }
    this.scene.asks({ kind: 'put-tenant', tenant: owner });
    const gpu = owner === tenant && pick % 4 === 0 ? { gpu: 0.5 } : {};
    const shape = { resources: { cpu: (1 + (pick % 4)) / 2, ...gpu } };
    const change = pick % 5 === 0 ? ({ existing: true } as const) : {};
    this.scene.asks({ kind: 'put-reservation', ...name, shape, count: 1 + (pick % 3), ...change });
  }

  #ofWork(kind: string, pick: number): void {
    const { scene } = this;
    const live = this.one(scene.machine.durable().tasks.live, pick);
    const result = (id: string, attempt: number, good: boolean) => {
      const outcome = good
        ? ok([pick])
        : failed(pick % 2 === 0 ? 'USER_ERROR' : 'INVALID_ARGUMENT');
      return { task: taskId(id), attempt, outcome, durationMs: pick };
    };
    switch (kind) {
      case 'submit':
        scene.submits(`t${pick % 50}`, {
          name: ['work', 'urgent', 'drawn'][pick % 3] ?? 'work',
          ...(pick % 3 === 2 ? {} : { resources: { cpu: (pick % 5) / 2 } }),
          priority: pick % 2 ? 'low' : 'high',
          ...(pick % 3 === 0 ? { queue: 'q' } : {}),
          ...(pick % 4 === 0 ? { dueInMs: 1 + pick } : {}),
        });
        return;
      case 'gang': {
        const policy = gangPolicies[pick % gangPolicies.length] ?? 'PACK';
        const name = ['work', 'drawn'][pick % 2] ?? 'work';
        const members = [0, 1, 2].slice(pick % 2).map((at) => {
          return { task: taskId(`g${pick % 20}.${at}`), name, input: encodeValue(at) };
        });
        scene.asks({ kind: 'submit-gang', gang: `g${pick % 20}`, tenant, policy, members });
        return;
      }
      case 'tenant':
        scene.asks({
          kind: 'put-tenant',
          tenant,
          ...(pick % 2 ? { weight: 1 + pick } : { priority: pick % 4 ? 'high' : 'low' }),
          ...(pick % 3 ? { quota: { inFlightMax: pick % 5 ? pick : null } } : {}),
          queues: [{ queue: 'q', weight: pick % 7 ? 1 + (pick % 9) : null }],
        });
        return;
      case 'reserve':
      case 'drop':
        return this.#reserve(kind, pick);
      case 'finish':
      case 'fail':
        if (live?.state.kind === 'running') {
          scene.reports(live.state.node, result(live.id, live.attempt, kind === 'finish'));
        }
        return;
      case 'finish-large':
        if (live?.state.kind === 'running') {
          const { node, started: object } = live.state;
          const stored = { object, hash: 'ab'.repeat(32), bytes: 600_000 };
          this.stored.add(object);
          const outcome = { ok: true, value: encodeHandle(stored), objects: [stored] } as const;
          scene.reports(node, { task: live.id, attempt: live.attempt, outcome, durationMs: 5 });
        }
        return;
      case 'sweep':
        this.sweep();
        return;
      case 'stale-result': {
        const node = this.one(this.nodes('alive', 'dying', 'gone'), pick);
        if (live !== undefined && node !== undefined) {
          const before = scene.facts.length;
          scene.reports(node, result(live.id, live.attempt + 1, true));
          expect(scene.facts).toHaveLength(before);
        }
        return;
      }
      case 'cancel':
        if (live !== undefined) scene.asks({ kind: 'cancel-task-request', task: live.id });
        return;
      case 'run':
        scene.asks({
          kind: 'start-run',
          run: runId(`r${pick % 6}`),
          tenant,
          workflow: 'flow',
          input: encodeValue([pick]),
        });
        return;
      case 'resume':
        scene.asks({
          kind: 'resume-run',
          run: runId(`r${pick % 6}`),
          block: 'p',
          answer: encodeValue(pick),
        });
        return;
      case 'cancel-run':
        if (pick % 3 === 0) scene.asks({ kind: 'cancel-run', run: runId(`r${pick % 6}`) });
        return;
      case 'image':
        this.image = { bytes: scene.machine.image(), facts: scene.facts.length };
        return;
      case 'fail-over':
        scene.failOver();
        return;
      default:
        this.deploy(pick);
    }
  }
}

it('any history replays to the same state, from the start and from an image in the middle', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
      const history = new History();
      for (const taken of steps) history.take(taken);
      const { scene, image } = history;
      const live = stateOf(scene.machine);
      const replayed = new SchedulerMachine(config);
      for (const fact of scene.facts) replayed.apply(fact);
      replayed.checkInvariants();
      expect(replayed.durable()).toEqual(scene.machine.durable());
      expect(stateOf(replayed)).toBe(live);
      if (image !== undefined) {
        const restored = SchedulerMachine.restore(config, image.bytes);
        for (const fact of scene.facts.slice(image.facts)) restored.apply(fact);
        restored.checkInvariants();
        expect(stateOf(restored)).toBe(live);
      }
      const again = SchedulerMachine.restore(config, scene.machine.image());
      again.checkInvariants();
      expect(stateOf(again)).toBe(live);
      checkParts(scene.machine);
    }),
    { numRuns: 300 },
  );
});

/** An image is the same in however many parts, and as it was written before there were any. */
function checkParts(machine: SchedulerMachine): void {
  const packed = (of: State | SchedulerMachine) =>
    Buffer.from(encode(of.durable())).toString('base64');
  const state = State.restore(machine.imageParts());
  expect(packed(State.restore(state.imageParts(64)))).toBe(packed(machine));
  const whole = State.restore([encode({ ...machine.durable(), format: 4 })]);
  expect(packed(whole)).toBe(packed(machine));
}

// An image that lacks something is equal to the image of whoever was restored from it.
it('whoever leads next decides the same from an image as from every fact: limits, quotas, due times', () => {
  const [byFacts, byImage] = (['facts', 'image'] as const).map((from) => {
    const scene = new Scene();
    scene.joins('n1.00000001', { cpu: 1 });
    const pause = { kind: 'pause', id: 'p', after: [], prompt: 'well?' } as const;
    const workflows = [
      workflow('asks', [{ ...pause, limitMs: 3_000 }]),
      { ...workflow('hurries', [pause]), limitMs: 5_000 },
    ];
    scene.deploys({ workflows, tasks: [task('work', { resources: { cpu: 0.4 } })] });
    scene.asks({ kind: 'put-tenant', tenant, quota: { inFlightMax: 1 } });
    scene.starts('asks', {}, 'r1');
    scene.starts('hurries', {}, 'r2');
    scene.submits('t0');
    for (const dueInMs of [9_000, 8_000, 7_000]) scene.submits(`t${dueInMs}`, { dueInMs });
    scene.finishes('t0', failed('USER_ERROR'));
    scene.failOver(from);
    for (let round = 0; round < 8; round += 1) {
      scene.pass(1_000);
      for (const { id, attempt, state } of scene.machine.durable().tasks.live) {
        if (state.kind !== 'running') continue;
        scene.reports(state.node, { task: id, attempt, outcome: ok(1), durationMs: 5 });
      }
    }
    return scene;
  });
  expect(byImage?.facts).toEqual(byFacts?.facts);
  expect(byImage?.decided('run-ended').map(({ run, outcome }) => [run, codeOf(outcome)])).toEqual([
    ['r1', 'DEADLINE_EXCEEDED'],
    ['r2', 'TIME_LIMIT'],
  ]);
  expect(byImage?.decided('task-started').map((fact) => fact.task)).toEqual([
    't0',
    't7000',
    't8000',
    't9000',
    't0',
  ]);
});

it('everything comes to its end once nodes are there and answer', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
      const history = new History();
      const { scene } = history;
      for (const taken of steps) history.take(taken);
      history.take({ kind: 'seal', pick: 1 });
      // A quota that was lowered under a gang that waits stops it for good.
      scene.asks({ kind: 'put-tenant', tenant, quota: { inFlightMax: null } });
      // As many as a gang needs whose members must be apart.
      for (const name of ['n7', 'n8', 'n9']) scene.joins(`${name}.healthy0`, { cpu: 16, gpu: 4 });
      for (let round = 0; round < 60; round++) {
        for (const { id, attempt, state } of scene.machine.durable().tasks.live) {
          if (state.kind !== 'running') continue;
          const known = scene.machine.durable().tasks.live.find((live) => live.id === id);
          if (known?.attempt === attempt) {
            scene.reports(state.node, { task: id, attempt, outcome: ok([1]), durationMs: 5 });
          }
        }
        for (const { run } of scene.machine.durable().runs) {
          scene.asks({ kind: 'resume-run', run, block: 'p', answer: encodeValue(1) });
        }
        scene.pass(1_000);
        history.take({ kind: 'seal', pick: round });
      }
      const { tasks, runs, nodes, actors } = scene.machine.durable();
      expect(tasks.live).toEqual([]);
      expect(runs.filter((run) => run.end === undefined)).toEqual([]);
      const alive = new Set(
        nodes.nodes
          .filter(({ phase }) => phase.kind === 'alive' || phase.kind === 'draining')
          .map((node) => node.incarnation),
      );
      for (const actor of actors) expect(alive.has(actor.node)).toBe(true);
    }),
    { numRuns: 60 },
  );
});
