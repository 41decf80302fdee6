import { compile } from '@troupe/scheduler-core/dag';
import { Random } from '@troupe/virtual';
import { describe, expect, it } from 'vitest';
import { bundles, Manifests } from '../src/plan/bundles.ts';
import { drawNests } from '../src/plan/nests.ts';
import { drawPlan } from '../src/plan/plan.ts';

describe('workflows that are drawn', () => {
  it('compile in both of their versions, and have every kind of block and containers in containers', () => {
    const kinds = new Set<string>();
    let deepest = 0;
    for (let seed = 1; seed <= 300; seed++) {
      const manifests = new Manifests(drawNests(new Random(seed)));
      for (const bundle of bundles) {
        const manifest = manifests.of(bundle);
        for (const workflow of manifest.workflows) {
          const compiled = compile(workflow, manifest);
          if ('failure' in compiled) throw new Error(`${seed}: ${compiled.failure.message}`);
          for (const { kind } of workflow.blocks) kinds.add(kind);
          for (const { depth } of compiled.graph.bodies) deepest = Math.max(deepest, depth);
        }
      }
    }
    expect([...kinds].sort()).toEqual(
      [
        'answer',
        'call',
        'choice',
        'loop',
        'parallel',
        'pause',
        'route',
        'run',
        'task',
        'value',
      ].concat('wait'),
    );
    expect(deepest).toBeGreaterThanOrEqual(3);
  });

  it('are run in at least every tenth seed', () => {
    const seeds = Array.from({ length: 300 }, (_, index) => index + 1);
    const some = seeds.filter((seed) =>
      [...drawPlan(seed).operations.values()].flat().some((one) => 'manner' in one),
    );
    expect(some.length).toBeGreaterThan(30);
  });
});
