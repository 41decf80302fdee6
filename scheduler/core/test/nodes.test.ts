import { incarnation, type NodeName, nodeNameOf, turnLogName } from '@troupe/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NodeTable } from '../src/nodes.ts';

describe('the nodes that serve', () => {
  it('are exactly the living, in the order of their incarnations, however they came and went', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.nat(3)), {
      maxLength: 120,
    });
    fc.assert(
      fc.property(steps, (list) => {
        const nodes = new NodeTable();
        const born = new Map<number, number>();
        for (const [number, step] of list) advance(nodes, born, number, step);
        nodes.check();
        const served = nodes.serving.map((node) => node.incarnation);
        expect(served).toEqual([...served].sort());
        const restored = new NodeTable();
        restored.restore(nodes.image());
        expect(restored.serving.map((node) => node.incarnation)).toEqual(served);
      }),
    );
  });
});

/** A node of this number joins, or the one there goes a step on its way. */
function advance(nodes: NodeTable, born: Map<number, number>, number: number, step: number): void {
  const name = `n${number}` as NodeName;
  const present = nodes.named(name);
  if (present === undefined) {
    const birth = (born.get(number) ?? 0) + 1;
    born.set(number, birth);
    const id = incarnation(`${name}.${'a'.repeat(7)}${birth.toString(36).slice(-1)}`);
    if (nodes.get(id) !== undefined) return;
    const resources = { cpu: 1 };
    const from = { incarnation: id, name: nodeNameOf(id), resources, labels: {}, at: 0 };
    return nodes.apply({ kind: 'node-joining', ...from });
  }
  const { incarnation: id, phase } = present;
  if (step === 0) {
    nodes.apply({ kind: 'node-dying', incarnation: id, reason: 'silent', at: 0 });
    nodes.apply({ kind: 'node-sealed', incarnation: id, to: 9 });
    if (number % 2 === 0) nodes.apply({ kind: 'log-deleted', log: turnLogName(id) });
  } else if (phase.kind === 'joining') nodes.apply({ kind: 'node-joined', incarnation: id });
  else if (phase.kind === 'alive' && step === 1) {
    nodes.apply({ kind: 'node-draining', incarnation: id });
  }
}
