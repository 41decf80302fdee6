/** Copies of requests that come after their answers. */
import {
  encodeValue,
  gatewayAddress,
  type Request,
  type RequestBody,
  runId,
  taskId,
  tenantName,
} from '@troupe/model';
import { beforeEach, describe, expect, test } from 'vitest';
import { Told } from '../src/told.ts';
import { Scene, tenant, workflow } from './scene.ts';

const door = gatewayAddress('g7');

function submit(id: string): RequestBody {
  return { kind: 'submit-task', task: taskId(id), tenant, name: 'work', input: encodeValue({}) };
}

describe('a request that was refused', () => {
  let scene: Scene;

  beforeEach(() => {
    scene = new Scene();
    scene.deploys();
    scene.asks({ kind: 'put-tenant', tenant, quota: { queuedMax: 1 } });
  });

  const isKnown = (id: string) => scene.machine.durable().tasks.live.some((task) => task.id === id);
  const answerTo = (number: number) => {
    const last = scene.replies.findLast(({ to, message }) => {
      return to === door && message.kind === 'answered' && message.number === number;
    });
    return last?.message.kind === 'answered' ? scene.code(last.message.answer) : undefined;
  };
  const hands = (number: number, body: RequestBody, low = 1, forTerm = scene.term) => {
    scene.forgetWords();
    scene.hands({ number, low, forTerm, replyTo: door, body });
  };

  /** The queue is full for request 2, and then has room. */
  function refuses(): void {
    hands(1, submit('a'));
    hands(2, submit('b'));
    expect(answerTo(2)).toBe('RESOURCE_EXHAUSTED');
    scene.asks({ kind: 'put-tenant', tenant, quota: { queuedMax: null } });
  }

  test('stays refused when a copy of it comes after there is room', () => {
    refuses();
    hands(2, submit('b'));
    expect(answerTo(2)).toBe('RESOURCE_EXHAUSTED');
    expect(isKnown('b')).toBe(false);
  });

  test('may be asked anew, under another number, and is taken then', () => {
    refuses();
    hands(3, submit('b'));
    expect(isKnown('b')).toBe(true);
  });

  test('is not even looked at once its gateway has settled it', () => {
    refuses();
    hands(3, { kind: 'status' }, 3);
    hands(2, submit('b'), 1);
    expect(answerTo(2)).toBe(undefined);
    expect(isKnown('b')).toBe(false);
  });

  test('is not taken by the next leader when a late copy reaches it', () => {
    refuses();
    const before = scene.term;
    scene.failOver();
    hands(2, submit('b'), 1, before);
    expect(isKnown('b')).toBe(false);
    expect(answerTo(2)).toBe(undefined);
    hands(2, submit('b'));
    expect(isKnown('b')).toBe(true);
  });

  test('is answered as unknown when it is of so long ago that its refusal was forgotten', () => {
    refuses();
    for (let number = 3; number < 4_200; number++) {
      hands(number, { ...submit('c'), tenant: tenantName('nobody') } as RequestBody);
    }
    hands(2, submit('b'));
    expect(answerTo(2)).toBe('OUTCOME_UNKNOWN');
    expect(isKnown('b')).toBe(false);
    hands(1, submit('a'));
    expect(answerTo(1)).toBe(undefined);
    hands(1, { kind: 'list-tasks', limit: 1 });
    expect(answerTo(1)).toBe('tasks');
  });
});

test('what was begun is shown to a copy, however many were refused since: a gang, and a run', () => {
  const scene = new Scene();
  scene.deploys({ workflows: [workflow('flow', [])] }, 'b2');
  const member = { task: taskId('g.0'), name: 'work', input: encodeValue({}) };
  const gang = {
    kind: 'submit-gang',
    gang: 'g',
    tenant,
    policy: 'PACK',
    members: [member],
  } as const;
  const run = { kind: 'start-run', run: runId('r'), tenant, workflow: 'flow' } as const;
  const ask = (number: number, body: RequestBody) => {
    scene.forgetWords();
    scene.hands({ number, low: 1, forTerm: scene.term, replyTo: door, body });
    const [reply] = scene.replies;
    return reply?.message.kind === 'answered' ? reply.message.answer.kind : undefined;
  };
  const asked: RequestBody[] = [gang, { ...run, input: encodeValue({}) }];
  const answers = asked.map((body, at) => ask(at + 1, body));
  expect(answers).toEqual(['done', 'run']);
  for (let number = 3; number < 4_200; number++) {
    ask(number, { ...submit('c'), tenant: tenantName('nobody') } as RequestBody);
  }
  expect(asked.map((body, at) => ask(at + 1, body))).toEqual(answers);
});

test('a request that was carried out and settled is not carried out again by a late copy', () => {
  const scene = new Scene();
  const weighs = (number: number, low: number, weight: number) => {
    const body: RequestBody = { kind: 'put-tenant', tenant, weight };
    scene.hands({ number, low, forTerm: scene.term, replyTo: door, body });
  };
  weighs(1, 1, 5);
  weighs(2, 2, 7);
  weighs(1, 1, 5);
  expect(scene.machine.durable().deployments.tenants[0]?.weight).toBe(7);
});

test('a request that was carried out is not carried out again by a copy, while an older one is open', () => {
  const scene = new Scene();
  const weighs = (number: number, weight: number) => {
    const body: RequestBody = { kind: 'put-tenant', tenant, weight };
    scene.hands({ number, low: 1, forTerm: scene.term, replyTo: door, body });
  };
  weighs(2, 5);
  weighs(3, 7);
  scene.forgetWords();
  weighs(2, 5);
  expect(scene.machine.durable().deployments.tenants[0]?.weight).toBe(7);
  expect(scene.replies).toMatchObject([{ message: { number: 2, answer: { kind: 'tenant' } } }]);
});

test('what a gateway has settled takes no memory', () => {
  const told = new Told();
  const isKnown = () => false;
  const body: RequestBody = { kind: 'put-tenant', tenant, weight: 1 };
  const copy = (number: number, low: number): Request => {
    return { kind: 'request', number, low, forTerm: 0, replyTo: door, body };
  };
  for (let number = 1; number <= 5_000; number++) {
    told.find(copy(number, number), isKnown);
    told.note({ to: door, number }, { kind: 'done' });
  }
  // Were they kept, the first would be forgotten by now, and all before it unknown.
  expect(told.find(copy(5_001, 5_001), isKnown)).toBe(undefined);
  expect(told.find(copy(4_999, 1), isKnown)).toBe('settled');
  expect(told.size).toBe(0);
});
