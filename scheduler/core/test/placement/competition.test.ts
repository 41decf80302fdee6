import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Gang, type GangPolicy, Gangs } from '../../src/placement/index.ts';
import { Cluster, many } from './cluster.ts';

const policies: readonly GangPolicy[] = ['PACK', 'SPREAD', 'STRICT_PACK', 'STRICT_SPREAD'];
const nodeCount = 4;
const drawn = fc.record({
  policy: fc.constantFrom(...policies),
  cpus: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
});
const action = fc.record({
  kind: fc.constantFrom('hold', 'hold', 'confirm', 'release', 'end', 'pass time', 'lose a node'),
  which: fc.nat(),
});

/** Gangs on a small cluster, each of which holds, runs or waits. */
class Match {
  readonly cluster = new Cluster(many(nodeCount, { resources: { cpu: 4 } }));
  readonly gangs = new Gangs(this.cluster.placement);
  readonly waits = new Set<Gang>();
  readonly held = new Map<Gang, number>();
  readonly runs = new Set<Gang>();
  now = 0;

  constructor(given: readonly { policy: GangPolicy; cpus: readonly number[] }[]) {
    for (const [number, { policy, cpus }] of given.entries()) {
      const members = cpus.map((cpu) => this.cluster.task({ resources: { cpu } }));
      const gang = { id: `g${number}`, policy, members };
      // One that fits on no empty cluster waits for good, and rightly.
      const alone = new Gangs(new Cluster(many(nodeCount, { resources: { cpu: 4 } })).placement);
      if (alone.plan(gang).kind === 'planned') this.waits.add(gang);
    }
  }

  hold(gang: Gang): boolean {
    const until = this.now + 3;
    if (this.gangs.hold(gang, until).kind === 'refused') return false;
    this.waits.delete(gang);
    this.held.set(gang, until);
    return true;
  }

  confirm(gang: Gang): void {
    this.held.delete(gang);
    if (this.gangs.confirm(gang.id)) this.runs.add(gang);
    else this.waits.add(gang);
  }

  release(gang: Gang): void {
    this.gangs.release(gang.id);
    this.held.delete(gang);
    this.waits.add(gang);
  }

  end(gang: Gang): void {
    const { placement } = this.cluster;
    for (const { id } of gang.members) if (placement.grant(id) !== undefined) placement.end(id);
    this.runs.delete(gang);
  }

  passTime(): void {
    this.now++;
    const late = [...this.held].filter(([, until]) => until <= this.now).map(([gang]) => gang);
    expect(this.gangs.expire(this.now)).toEqual(late.map(({ id }) => id));
    for (const gang of late) {
      this.held.delete(gang);
      this.waits.add(gang);
    }
  }

  /** A node is lost and comes back empty; a gang of which a member ran there is given up. */
  loseNode(number: number): void {
    const { placement } = this.cluster;
    const name = `n${number % nodeCount}`;
    const lost = new Set(placement.removeNode(name));
    placement.addNode({ name, resources: { cpu: 4 } });
    for (const gang of [...this.runs]) {
      if (gang.members.some(({ id }) => lost.has(id))) this.end(gang);
    }
    // What is held is found out when it is confirmed.
    for (const gang of [...this.held.keys()]) {
      if (gang.members.some(({ id }) => lost.has(id))) this.confirm(gang);
    }
  }

  check(): void {
    this.cluster.placement.check();
    const granted = (gang: Gang) =>
      gang.members.filter(({ id }) => this.cluster.placement.grant(id) !== undefined).length;
    for (const gang of this.waits) expect([gang.id, granted(gang)]).toEqual([gang.id, 0]);
    for (const gang of [...this.held.keys(), ...this.runs]) {
      expect([gang.id, granted(gang)]).toEqual([gang.id, gang.members.length]);
      this.checkPolicy(gang);
    }
  }

  checkPolicy({ policy, members }: Gang): void {
    const nodes = new Set(
      members.map(({ id }) => this.cluster.placement.grant(id)?.site.spec.name),
    );
    if (policy === 'STRICT_PACK') expect(nodes.size).toBe(1);
    if (policy === 'STRICT_SPREAD') expect(nodes.size).toBe(members.length);
  }
}

function nth<T>(of: Iterable<T>, which: number): T | undefined {
  const all = [...of];
  return all[which % Math.max(1, all.length)];
}

describe('many gangs that compete', () => {
  it('hold all or nothing in any history, and in the end every one of them has run', () => {
    fc.assert(
      fc.property(
        fc.array(drawn, { minLength: 2, maxLength: 8 }),
        fc.array(action, { maxLength: 60, size: 'max' }),
        (given, actions) => {
          const match = new Match(given);
          for (const { kind, which } of actions) {
            const from = kind === 'hold' ? match.waits : kind === 'end' ? match.runs : match.held;
            const gang = nth<Gang>(from instanceof Map ? from.keys() : from, which);
            if (kind === 'pass time') match.passTime();
            else if (kind === 'lose a node') match.loseNode(which);
            else if (gang === undefined) continue;
            else if (kind === 'hold') match.hold(gang);
            else if (kind === 'confirm') match.confirm(gang);
            else if (kind === 'release') match.release(gang);
            else match.end(gang);
            match.check();
          }
          // From wherever they came: somebody who waits can start whenever nobody runs.
          while (match.waits.size + match.held.size + match.runs.size > 0) {
            for (const gang of [...match.held.keys()]) match.confirm(gang);
            for (const gang of [...match.runs]) match.end(gang);
            match.check();
            const started = [...match.waits].filter((gang) => match.hold(gang));
            if (match.waits.size > 0) expect(started.length).toBeGreaterThan(0);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
