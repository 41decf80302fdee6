/** What the checkers of a scene say of a journal that somebody wrote by hand. */
import {
  bundleHash,
  incarnation,
  type NodeName,
  type PriorityName,
  taskId,
  tenantName,
} from '@troupe/model';
import type { SchedulerFact } from '@troupe/scheduler-core';
import { schedulerConfig } from '@troupe/virtual';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Checker, MakeChecker } from '../src/checkers/checker.ts';
import { gangAllOrNone } from '../src/checkers/gang-all-or-none.ts';
import { lowerGivesWay } from '../src/checkers/lower-gives-way.ts';
import { noDoubleReservation } from '../src/checkers/no-double-reservation.ts';
import { quotasKept } from '../src/checkers/quotas-kept.ts';
import { reservedIsThere } from '../src/checkers/reserved-is-there.ts';
import { soonestFirst } from '../src/checkers/soonest-first.ts';
import { Truth } from '../src/checkers/truth.ts';
import { wishesKept } from '../src/checkers/wishes-kept.ts';
import { Manifests } from '../src/plan/bundles.ts';
import type { Scene } from '../src/plan/scene.ts';

const timings = { heartbeatMs: 500, nodeSilenceMs: 1_500, probeMs: 300, resendMs: 300 };
const tenant = tenantName('lab');
const [first, second] = ['node-1', 'node-2'].map((name) => incarnation(`${name}.aaaaaaaa`));
if (first === undefined || second === undefined) throw new Error('there are two nodes');
const nodes = [first, second];

const tries = { backoffMs: [], limitMs: 1_000 };
const loners = [{ label: 'role', op: 'in', values: ['loner'] }] as const;
const tasks: Scene['tasks'] = [
  { ...tries, name: 'plain', retries: 3, resources: { cpu: 1 } },
  { ...tries, name: 'spared', retries: 0, resources: { cpu: 1 } },
  { ...tries, name: 'pusher', retries: 3, resources: { cpu: 1 }, placement: { preempts: true } },
  {
    ...tries,
    name: 'picky',
    retries: 3,
    resources: { cpu: 1 },
    placement: { nodes: [{ label: 'zone', op: 'in', values: ['a'] }] },
  },
  {
    ...tries,
    name: 'loner',
    retries: 3,
    resources: { cpu: 1 },
    placement: { labels: { role: 'loner' }, apart: [{ tasks: loners, across: 'node' }] },
  },
  { ...tries, name: 'sliver', retries: 3, resources: { gpu: 0.6 } },
];
const scene: Scene = {
  sites: new Map([
    ['node-1', { resources: { cpu: 4, gpu: 2 }, labels: { zone: 'a' } }],
    ['node-2', { resources: { cpu: 4 }, labels: { zone: 'b' } }],
  ]),
  tasks,
  tenants: new Map(),
};

let truth: Truth;
let checker: Checker;
let said: string[];
let record = 0;

function look(make: MakeChecker): void {
  truth = new Truth(
    schedulerConfig({ cell: 'sim', timings: timings as never }),
    () => 0,
    new Manifests([], tasks),
    scene,
  );
  said = [];
  checker = make(truth, (text) => said.push(text));
  tell({ kind: 'term-opened', scheduler: 'sched-1', generation: 1, at: 0 });
  for (const node of nodes) {
    const name = (node.split('.')[0] ?? '') as NodeName;
    const site = scene.sites.get(name);
    if (site === undefined) throw new Error(`${name} has a site`);
    tell({ kind: 'node-joining', incarnation: node, name, ...site, at: 0 });
    tell({ kind: 'node-joined', incarnation: node });
  }
}

/** Together in one record. */
function tell(...facts: readonly SchedulerFact[]): void {
  record += 1;
  const stored = { kind: 'rec', id: `sched-1~1|${record}`, position: record } as never;
  for (const fact of facts) {
    checker.journalFact?.(fact, record, stored);
    truth.journal(fact, record);
  }
}

interface Given {
  readonly name?: string;
  readonly priority?: PriorityName;
  readonly ledMs?: number;
  readonly dueInMs?: number;
  readonly gang?: { readonly id: string; readonly policy: 'STRICT_SPREAD' | 'STRICT_PACK' };
}

function submitted(id: string, given: Given = {}): SchedulerFact {
  const { name = 'plain', priority = 'normal', ledMs = 0, dueInMs, gang } = given;
  const task = taskId(id);
  const body = { kind: 'submit-task', task, tenant, name, input: new Uint8Array(), priority };
  const asked = dueInMs === undefined ? body : { ...body, dueInMs };
  truth.asked.sent({ kind: 'client-request', body: asked });
  const declared = tasks.find((one) => one.name === name);
  if (declared === undefined) throw new Error(`${name} is declared`);
  return {
    kind: 'task-submitted',
    task,
    tenant,
    bundle: bundleHash('a'.repeat(64)),
    input: new Uint8Array(),
    priority,
    ...declared,
    ...(dueInMs === undefined ? {} : { due: ledMs + dueInMs }),
    ...(gang === undefined ? {} : { gang }),
    at: 0,
    ledMs,
  };
}

function started(id: string, node = first, gpus?: readonly number[]): SchedulerFact {
  const task = taskId(id);
  const attempt = (truth.tasks.get(task)?.attempt ?? 0) + 1;
  const fact = { kind: 'task-started', task, attempt, node: node ?? nodes[0] } as const;
  return (gpus === undefined ? fact : { ...fact, gpus }) as SchedulerFact;
}

function preempted(id: string, by: string): SchedulerFact {
  return { kind: 'task-preempted', task: taskId(id), attempt: 1, by: taskId(by), at: 0 };
}

describe('a gang', () => {
  const members = ['t1', 't2'];
  const gang = { id: 'g', policy: 'STRICT_SPREAD' } as const;
  beforeEach(() => {
    look(gangAllOrNone);
    const asked = members.map((task) => ({ task, name: 'plain', input: new Uint8Array() }));
    const body = { kind: 'submit-gang', gang: 'g', tenant, policy: gang.policy, members: asked };
    truth.asked.sent({ kind: 'client-request', body });
    tell(...members.map((id) => submitted(id, { gang })));
  });

  it('that starts as a whole on as many nodes breaks nothing', () => {
    tell(started('t1', first), started('t2', second));
    checker.atRest?.({} as never);
    expect(said).toEqual([]);
  });

  it('may not start in part, not even when the rest follows at once', () => {
    tell(started('t1', first));
    tell(started('t2', second));
    expect(said).toEqual(['1 members of g start, 1 do not']);
  });

  it('may not share a node when each is to have its own', () => {
    tell(started('t1', first), started('t2', first));
    checker.atRest?.({} as never);
    expect(said[0]).toContain('on as many nodes as members');
  });
});

describe('a task that starts', () => {
  beforeEach(() => look(wishesKept));

  it('keeps to its labels', () => {
    tell(submitted('t1', { name: 'picky' }), started('t1', first));
    expect(said).toEqual([]);
    tell(submitted('t2', { name: 'picky' }), started('t2', second));
    expect(said[0]).toContain('of another zone');
  });

  it('keeps away from a cordoned node until that serves again', () => {
    tell({ kind: 'node-cordoned', incarnation: second, cordoned: true });
    tell(submitted('t1'), started('t1', second));
    expect(said[0]).toContain('which is cordoned');
    tell({ kind: 'node-cordoned', incarnation: second, cordoned: false });
    tell(submitted('t2'), started('t2', second));
    expect(said).toHaveLength(1);
  });

  it('keeps away from those that it must be apart from', () => {
    tell(submitted('t1', { name: 'loner' }), started('t1', first));
    tell(submitted('t2', { name: 'loner' }), started('t2', second));
    expect(said).toEqual([]);
    tell(submitted('t3', { name: 'loner' }), started('t3', second));
    expect(said[0]).toContain('too near to t2');
  });
});

describe('a GPU', () => {
  it('is not given to more than it has room for', () => {
    look(noDoubleReservation);
    tell(submitted('t1', { name: 'sliver' }), started('t1', first, [0]));
    tell(submitted('t2', { name: 'sliver' }), started('t2', first, [1]));
    expect(said).toEqual([]);
    tell({ kind: 'task-ended', task: taskId('t1'), outcome: done, at: 0, ledMs: 0 });
    tell(submitted('t3', { name: 'sliver' }), started('t3', first, [1]));
    expect(said).toEqual(['t3 and t2 reserve 1200 thousandths of GPU 1 of node-1.aaaaaaaa']);
  });
});

describe('a task that runs', () => {
  beforeEach(() => {
    look(lowerGivesWay);
    tell(submitted('low', { priority: 'low' }), started('low'));
    tell(submitted('once', { name: 'spared', priority: 'low' }), started('once'));
    tell(submitted('high', { priority: 'high' }), started('high'));
    tell(submitted('pusher', { name: 'pusher' }), submitted('other'));
  });

  it('gives way to one of higher priority that starts in its place', () => {
    tell(preempted('low', 'pusher'), started('pusher'));
    checker.atRest?.({} as never);
    expect(said).toEqual([]);
  });

  it.each([
    ['high', 'pusher', 'of priority high by normal'],
    ['once', 'pusher', 'may be tried only once'],
    ['low', 'other', 'which may not'],
  ])('does not give way otherwise: %s to %s', (id, by, text) => {
    tell(preempted(id, by), started(by));
    expect(said[0]).toContain(text);
  });

  it('does not end for one that does not start', () => {
    tell(preempted('low', 'pusher'));
    checker.atRest?.({} as never);
    expect(said[0]).toContain('which does not start there');
  });
});

describe('a quota', () => {
  it('holds under the next leader too, and counts what its predecessor started', () => {
    look(quotasKept);
    tell({ kind: 'tenant-put', tenant, weight: 1, quota: { inFlightMax: 2 } });
    tell(submitted('t1'), started('t1'), submitted('t2'), started('t2'), submitted('t3'));
    tell({ kind: 'term-opened', scheduler: 'sched-2', generation: 1, at: 0 });
    expect(said).toEqual([]);
    tell(started('t3'));
    expect(said).toEqual(['t3 starts, and 3 of lab run, 2 may']);
  });

  it('of tasks that wait is one of tasks that are taken', () => {
    look(quotasKept);
    tell({ kind: 'tenant-put', tenant, weight: 1, quota: { queuedMax: 1 } });
    tell(submitted('t1'));
    tell(submitted('t2'));
    expect(said).toEqual(['t2 is taken, and 2 of lab wait']);
  });
});

describe('of tasks that are alike', () => {
  it('the one that is due first starts first, however late it came', () => {
    look(soonestFirst);
    tell(submitted('t1'), submitted('t2', { ledMs: 100, dueInMs: 500 }));
    tell(started('t2'), started('t1'));
    expect(said).toEqual([]);
  });

  it('none starts before an older one without a reason', () => {
    look(soonestFirst);
    tell(submitted('t1'), submitted('t2', { ledMs: 100 }));
    tell(started('t2'));
    expect(said[0]).toContain('t2 starts before t1');
  });
});

const done = { ok: true, value: new Uint8Array() } as const;

describe('room that is reserved for a tenant', () => {
  const shape = { resources: { cpu: 2 } };
  const reserved = { tenant, reservation: 'beds' } as const;
  const asks = (count: number): SchedulerFact => {
    truth.asked.sent({
      kind: 'client-request',
      body: { kind: 'put-reservation', ...reserved, shape, count },
    });
    return { kind: 'reservation-put', ...reserved, shape, count };
  };
  const held = (node = first): SchedulerFact => ({ kind: 'place-held', ...reserved, node });
  const ofAnother = (id: string): SchedulerFact => {
    return { ...submitted(id), tenant: tenantName('ward') } as SchedulerFact;
  };
  const inPlace = (id: string, place: number, node = first): SchedulerFact => {
    return { ...started(id, node), place } as SchedulerFact;
  };
  const ends = () => checker.record?.('journal' as never, {} as never);
  /** The place that the last record held. */
  let place: number;

  beforeEach(() => {
    look(reservedIsThere);
    tell(asks(1));
    tell(held());
    place = record;
  });

  it('is left to it by others, who share the rest', () => {
    tell(ofAnother('t1'), started('t1'));
    tell(ofAnother('t2'), started('t2'));
    expect(said).toEqual([]);
    tell(ofAnother('t3'), started('t3'));
    expect(said).toEqual([`2 cpu of ${first} are reserved, and 3 taken; it has 4`]);
  });

  it('is not held where others are already', () => {
    tell({ kind: 'reservation-dropped', ...reserved });
    for (const id of ['t1', 't2', 't3']) tell(ofAnother(id), started(id));
    tell(asks(1), held());
    expect(said).toEqual([`2 cpu of ${first} are reserved, and 3 taken; it has 4`]);
  });

  it("is nobody's to start in but its own", () => {
    tell(ofAnother('t1'));
    tell(inPlace('t1', place));
    expect(said[0]).toContain(`of ward starts on ${first} in place ${place}, of lab`);
  });

  it('holds no more tasks than there is room in it', () => {
    for (const id of ['t1', 't2']) {
      tell(submitted(id));
      tell(inPlace(id, place));
    }
    expect(said).toEqual([]);
    tell(submitted('t3'));
    tell(inPlace('t3', place));
    expect(said).toEqual([`tasks in place ${place} reserve 3 cpu, it holds 2`]);
  });

  it('is there at once for a task that fits', () => {
    tell(submitted('t1'));
    ends();
    expect(said).toEqual([`t1 waits beside place ${place} of lab, which has 2 cpu free`]);
  });

  it('is not waited beside by a task that started, ended or needs something else', () => {
    tell(submitted('t1'), submitted('t2', { name: 'picky' }), ofAnother('t3'));
    tell(inPlace('t1', place));
    ends();
    expect(said).toEqual([]);
  });

  it('goes with its node, and is in no place twice', () => {
    tell({ kind: 'node-dying', incarnation: first, reason: 'silent', at: 0 } as SchedulerFact);
    tell(submitted('t1'));
    ends();
    expect(said).toEqual([]);
    tell(held(second));
    // The machine that follows does not believe it either.
    expect(() => tell(held(second))).toThrow('H1');
    expect(said[0]).toBe('2 places of beds of lab are held, not 1');
  });

  it('is what was asked for', () => {
    tell({ kind: 'reservation-put', ...reserved, shape: { resources: { cpu: 1 } }, count: 1 });
    expect(said[0]).toContain('which nobody asked for');
  });
});
