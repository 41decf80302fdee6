import {
  type ActorId,
  actorParts,
  type Incarnation,
  nodeName,
  nodeNameOf,
  taskId,
} from '@troupe/model';
import { describe, expect, it } from 'vitest';
import { type SchedulerConfig, SchedulerMachine } from '../src/index.ts';
import { cart, config, Scene, stateOf } from './scene.ts';

const periodMs = 10_000;
const rebalance = { periodMs, imbalanceShare: 0.25, migrationsMax: 4 };
const balanced: SchedulerConfig = { ...config, rebalance };

/** Nodes of 4 cpus whose load is that of their actors, each of which has one of its own. */
class Balance extends Scene {
  readonly nodes: readonly Incarnation[];
  /** In cpus, by key; 0 where none is given. */
  readonly loadOf = new Map<string, number>();
  /** What tasks take of a node, in cpus. */
  readonly taskLoad = new Map<Incarnation, number>();
  isReleasing = true;

  constructor(nodes: number, given: SchedulerConfig = balanced) {
    super(new SchedulerMachine(given), given);
    this.deploys();
    this.nodes = Array.from({ length: nodes }, (_, i) => {
      return this.joins(`n${i + 1}.aaaaaaaa`, { cpu: 4, memory: 1_000 });
    });
  }

  /** Actors with so much load each, that a node is full of: they are moved there by hand. */
  puts(node: string, count: number, load: number, name = node): void {
    for (let i = 0; i < count; i++) {
      const key = `${name}-${i}`;
      this.resolves(key);
      this.loadOf.set(key, load);
      this.#movesTo(key, node);
    }
  }

  /** The nodes work, say their load, and let go whom they are told to. */
  goesOn(ms: number): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.#measures();
      this.pass(500);
      if (this.isReleasing) this.releases();
    }
  }

  /** Every node lets go of what is wished elsewhere. */
  releases(): void {
    for (const { id, node, epoch } of this.wished()) {
      this.hear({ kind: 'released', incarnation: node, actors: [{ actor: id, epoch }] });
    }
  }

  wished(): readonly { id: ActorId; node: Incarnation; epoch: number }[] {
    return this.machine
      .durable()
      .actors.flatMap(({ id, node, epoch, wish }) =>
        wish === undefined ? [] : [{ id, node, epoch }],
      );
  }

  /** Moves that the leader decided by itself. */
  get rounds() {
    return this.decided('actor-migrating').filter(({ why }) => why !== undefined);
  }

  loads(): readonly number[] {
    return this.nodes.map((node) => this.#loadOn(node));
  }

  view() {
    const answer = this.asks({ kind: 'status' });
    if (answer?.kind !== 'status' || answer.status.rebalance === undefined) throw new Error('none');
    return answer.status.rebalance;
  }

  #movesTo(key: string, to: string): void {
    if (nodeNameOf(this.actor(key).node) === to) return;
    this.ask({ kind: 'migrate-actor', actor: cart(key), to: nodeName(to), waitMs: 1_000 });
    this.releases();
  }

  #measures(): void {
    for (const node of this.nodes) {
      this.said.set(node, {
        cpu: Math.min(1, (this.#loadOn(node) + (this.taskLoad.get(node) ?? 0)) / 4),
        memory: 0,
      });
    }
  }

  #loadOn(node: Incarnation): number {
    return this.machine
      .durable()
      .actors.filter((actor) => actor.node === node)
      .reduce((sum, { id }) => sum + (this.loadOf.get(actorParts(id).key) ?? 0), 0);
  }
}

describe('a cell that is configured to even out the load of its nodes', () => {
  it('moves a few actors at once from a hot node until the load is level, and says why', () => {
    const scene = new Balance(2);
    scene.puts('n1', 20, 0.14);
    expect(scene.loads()[0]).toBeCloseTo(2.8);
    scene.goesOn(periodMs + 1_000);
    expect(scene.rounds).toHaveLength(4);
    expect(scene.rounds[0]?.why).toBe(
      'the hottest node, "n1", has load 0.70, 100 % above the mean 0.35',
    );
    expect(scene.view()).toMatchObject({ ...rebalance, underWay: 0 });
    expect(scene.view().why).toContain('; 4 actors are moved, to lower it to 0.56');
    expect(scene.view().moves.map(({ from, to }) => `${from} ${to}`)).toEqual(
      Array(4).fill('n1 n2'),
    );
    scene.goesOn(10 * periodMs);
    expect(Math.max(...scene.loads())).toBeLessThan(1.4 * 1.25);
    expect(scene.view().why).toContain('which is level');
  });

  it('moves nobody when the load is level, is little, or when it is not configured so', () => {
    const level = new Balance(3);
    for (const node of ['n1', 'n2', 'n3']) level.puts(node, 10, 0.2);
    const little = new Balance(2);
    little.puts('n1', 10, 0.01);
    const { rebalance: _, ...plain } = balanced;
    const off = new Balance(2, plain);
    off.puts('n1', 20, 0.15);
    for (const scene of [level, little, off]) {
      scene.goesOn(10 * periodMs);
      expect(scene.rounds).toEqual([]);
    }
    expect(level.view().why).toContain('0 % above the mean 0.50, which is level');
    expect(little.view().why).toContain('which is little');
    expect(() => off.view()).toThrow('none');
  });

  it('moves no actor to and fro, also when one alone is the load', () => {
    const scene = new Balance(2);
    scene.puts('n1', 10, 0);
    scene.puts('n2', 10, 0);
    scene.puts('n1', 1, 3, 'heavy');
    scene.goesOn(200 * periodMs);
    const times = new Map<string, number>();
    for (const { actor } of scene.rounds) times.set(actor, (times.get(actor) ?? 0) + 1);
    // 21 actors and 200 looks: each at most once in twenty rounds, and rounds ever more rarely.
    expect(Math.max(...times.values())).toBeLessThanOrEqual(2);
    expect(scene.rounds.length).toBeLessThan(40);
    const before = scene.rounds.length;
    scene.goesOn(100 * periodMs);
    expect(scene.rounds.length - before).toBeLessThanOrEqual(8);
  });

  it('waits while an actor is on its way, and never touches one that an operator moves', () => {
    const scene = new Balance(3);
    scene.puts('n1', 20, 0.15);
    scene.isReleasing = false;
    const actor = cart('n1-0');
    scene.ask({ kind: 'migrate-actor', actor, to: nodeName('n3'), waitMs: 1_000 });
    scene.goesOn(5 * periodMs);
    expect(scene.rounds).toEqual([]);
    expect(scene.view().why).toBe('1 actors are on their way');
    scene.isReleasing = true;
    scene.goesOn(3 * periodMs);
    expect(scene.rounds.length).toBeGreaterThan(0);
    expect(scene.actor('n1-0').node).toBe(scene.nodes[2]);
  });

  it('waits while a node leaves, and while actors of a lost one are not placed', () => {
    const scene = new Balance(3);
    scene.puts('n1', 20, 0.15);
    scene.asks({ kind: 'drain-node', node: nodeName('n3') });
    scene.goesOn(3 * periodMs);
    expect(scene.rounds).toEqual([]);
    expect(scene.view().why).toBe('node "n3" leaves');
  });

  it('moves nobody while that is given up under pressure, says so, and goes on after it', () => {
    const pressure = { tasksMax: 1, factsMax: 1_000_000, downMs: 1_000, upMs: 1_000 };
    const scene = new Balance(2, { ...balanced, pressure });
    scene.submits('stuck', { resources: { cpu: 100 } });
    scene.goesOn(5_000);
    scene.puts('n1', 20, 0.14);
    scene.goesOn(2 * periodMs);
    expect(scene.rounds).toEqual([]);
    expect(scene.view().why).toContain('it is given up under pressure');
    scene.asks({ kind: 'cancel-task-request', task: taskId('stuck') });
    scene.goesOn(3 * periodMs);
    expect(scene.rounds.length).toBeGreaterThan(0);
  });

  it('moves nobody to a node that is cordoned', () => {
    const scene = new Balance(2);
    scene.puts('n1', 20, 0.15);
    scene.asks({ kind: 'cordon-node', node: nodeName('n2'), cordoned: true });
    scene.goesOn(5 * periodMs);
    expect(scene.rounds).toEqual([]);
    expect(scene.view().why).toContain('no two nodes');
  });

  it('holds what tasks have reserved for the load of tasks: nobody moves for it', () => {
    const scene = new Balance(2);
    for (const node of ['n1', 'n2']) scene.puts(node, 4, 0);
    scene.submits('t0', { resources: { cpu: 3 } });
    const [busy] = scene.started('t0').map(({ node }) => node);
    if (busy === undefined) throw new Error('no task was started');
    scene.taskLoad.set(busy, 3);
    scene.goesOn(4 * periodMs);
    expect(scene.rounds).toEqual([]);
    expect(scene.view().why).toContain('no move that is allowed lowers it by much');
  });
});

describe('a crash in the midst of a round', () => {
  function inARound(): Balance {
    const scene = new Balance(3);
    scene.puts('n1', 20, 0.15);
    scene.isReleasing = false;
    scene.goesOn(periodMs + 500);
    expect(scene.wished()).toHaveLength(4);
    return scene;
  }

  it.each(['facts', 'image'] as const)(
    'of the scheduler: the next one, from the %s, goes on with it and begins no other meanwhile',
    (from) => {
      const scene = inARound();
      scene.failOver(from);
      scene.goesOn(3 * periodMs);
      expect(scene.wished()).toHaveLength(4);
      expect(scene.rounds).toHaveLength(4);
      const told = scene.to(scene.wished()[0]?.node as Incarnation, 'place');
      expect(told.filter(({ leave }) => leave !== undefined).length).toBeGreaterThanOrEqual(4);
      scene.isReleasing = true;
      scene.goesOn(20 * periodMs);
      expect(Math.max(...scene.loads())).toBeLessThan(1.25 * 1.3);
      const replayed = new SchedulerMachine(balanced);
      for (const fact of scene.facts) replayed.apply(fact);
      expect(stateOf(replayed)).toBe(stateOf(scene.machine));
    },
  );

  it.each([0, 1])(
    'of the source or a target (%i): every actor has one place, and rounds go on',
    (at) => {
      const scene = inARound();
      const node = scene.nodes[at];
      if (node === undefined) throw new Error('no node');
      scene.dies(node);
      scene.sealed(node);
      scene.isReleasing = true;
      scene.goesOn(20 * periodMs);
      const alive = scene.nodes.filter((one) => one !== node);
      const { actors } = scene.machine.durable();
      expect(actors).toHaveLength(20);
      expect(actors.every((actor) => alive.includes(actor.node))).toBe(true);
      expect(scene.wished()).toEqual([]);
    },
  );
});
