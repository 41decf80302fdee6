import { names } from '@troupe/fabric';
import {
  type ActorId,
  actorId,
  cellName,
  failure,
  gatewayAddress,
  incarnation,
  type Located,
  type Outcome,
  type Resolve,
  type SessionId,
  sessionId,
} from '@troupe/model';
import { beforeEach, describe, expect, test } from 'vitest';
import type { NewCall } from '../src/gateway/open-call.ts';
import { OpenCalls } from '../src/gateway/open-calls.ts';
import { Routes } from '../src/gateway/routes.ts';
import { Standstill } from '../src/gateway/standstill.ts';
import { ListBus, VirtualClock } from './virtual-ports.ts';

const actor: ActorId = actorId('default', 'Counter', 'a');
const session: SessionId = sessionId('s');
const first = incarnation('n1.aaaaaaaa');
const second = incarnation('n2.bbbbbbbb');

let clock: VirtualClock;
let bus: ListBus;
let routes: Routes;
let calls: OpenCalls;
let resolves: Resolve[];
let answers: { number: number; outcome: Outcome }[];

beforeEach(() => {
  clock = new VirtualClock();
  bus = new ListBus();
  resolves = [];
  answers = [];
  routes = new Routes(names(cellName('test')), {
    placed: (placed, route) => calls.onPlaced(placed, route),
    nodeLost: (lost) => calls.onNodeLost(lost),
  });
  calls = new OpenCalls({
    bus,
    clock,
    routes,
    standstill: new Standstill(clock, () => calls.giveUpAll()),
    replyTo: gatewayAddress('g'),
    resendMs: 1_000,
    resolve: (message) => resolves.push(message),
  });
});

function call(number: number, over: Partial<NewCall> = {}): void {
  calls.open({
    session,
    number,
    low: 1,
    actor,
    method: 'add',
    args: new Uint8Array([0x90]),
    scope: '',
    deadlineAt: clock.now() + 30_000,
    runMs: 10_000,
    sink: { answered: (answered, outcome) => answers.push({ number: answered, outcome }) },
    ...over,
  });
}

function placed(node = first, epoch = 11): void {
  routes.apply({ kind: 'node-joined', incarnation: node }, epoch - 2);
  routes.learn(actor, { node, birth: 10, epoch });
}

function located(location: Located['location']): void {
  calls.onLocated({ kind: 'located', actor, location });
}

/** Numbers of the calls sent to each node since the last time, in order. */
function sentCalls(): string[] {
  return bus
    .take()
    .filter(({ message }) => message.kind === 'call')
    .map(({ subject, message }) => {
      const caller = message['caller'] as { number: number };
      return `${subject.split('.').at(-1)}#${caller.number}@${String(message['epoch'])}`;
    });
}

function codes(): string[] {
  return answers.map(({ outcome }) => (outcome.ok ? 'ok' : outcome.failure.code));
}

describe('a call to an actor whose place is known', () => {
  test('leaves at once for the node of its actor', () => {
    placed();
    call(1);
    call(2);
    expect(sentCalls()).toEqual(['n1_aaaaaaaa#1@11', 'n1_aaaaaaaa#2@11']);
    expect(resolves).toEqual([]);
  });

  test('is sent again each second until it is answered, and answered once', () => {
    placed();
    call(1);
    bus.take();
    clock.pass(2_300);
    expect(sentCalls()).toEqual(['n1_aaaaaaaa#1@11', 'n1_aaaaaaaa#1@11']);
    const outcome: Outcome = { ok: true, value: new Uint8Array([7]) };
    const result = { kind: 'call-result', actor, session, number: 1, outcome } as const;
    calls.onResult(result);
    calls.onResult(result);
    expect(answers).toEqual([{ number: 1, outcome }]);
    clock.pass(5_000);
    expect(sentCalls()).toEqual([]);
    expect(calls.size).toBe(0);
  });

  test('follows its actor to the new place once the leader has told the node, in order', () => {
    placed();
    call(1);
    call(2);
    bus.take();
    routes.apply({ kind: 'node-joined', incarnation: second }, 20);
    routes.apply({ kind: 'node-dying', incarnation: first, reason: 'silent', at: 0 }, 21);
    call(3);
    expect(resolves).toHaveLength(1);
    const chain = { bundle: '' as never, chain: [] };
    routes.apply({ kind: 'actor-placed', actor, node: second, ...chain }, 22);
    expect(sentCalls()).toEqual([]);
    located({ node: second, birth: 10, epoch: 22 });
    expect(sentCalls()).toEqual(['n2_bbbbbbbb#1@22', 'n2_bbbbbbbb#2@22', 'n2_bbbbbbbb#3@22']);
    expect(resolves).toHaveLength(1);
  });

  test('that a placement before has refused is waited for where it was sent to since', () => {
    placed();
    call(1);
    call(2);
    const reason = failure('RESOURCE_EXHAUSTED', 'full');
    const refusal = { ok: false, failure: reason } as const;
    const refused = { kind: 'call-result', actor, session, outcome: refusal } as const;
    calls.onResult({ ...refused, number: 1, epoch: 11 });
    expect(codes()).toEqual(['RESOURCE_EXHAUSTED']);
    routes.apply({ kind: 'node-dying', incarnation: first, reason: 'silent', at: 0 }, 20);
    routes.apply({ kind: 'node-joined', incarnation: second }, 21);
    located({ node: second, birth: 10, epoch: 30 });
    calls.onResult({ ...refused, number: 2, epoch: 11 });
    expect(codes()).toEqual(['RESOURCE_EXHAUSTED']);
    calls.onResult({ ...refused, number: 2, epoch: 30 });
    expect(answers.map(({ number }) => number)).toEqual([1, 2]);
  });

  test('follows its actor when it moves away from a node that lives on', () => {
    placed();
    call(1);
    bus.take();
    routes.apply({ kind: 'node-joined', incarnation: second }, 20);
    const chain = { bundle: '' as never, chain: [] };
    routes.apply({ kind: 'actor-placed', actor, node: second, ...chain }, 22);
    expect(resolves).toHaveLength(1);
    located({ node: second, birth: 10, epoch: 22 });
    expect(sentCalls()).toEqual(['n2_bbbbbbbb#1@22']);
  });

  test('asks the leader again when the node says the actor is not there', () => {
    placed();
    call(1);
    bus.take();
    const refusal = { kind: 'not-here', actor, session, number: 1 } as const;
    calls.onNotHere({ ...refusal, epoch: 10 });
    clock.pass(100);
    expect(resolves).toEqual([]);
    calls.onNotHere({ ...refusal, epoch: 11 });
    clock.pass(100);
    expect(resolves.map((resolve) => resolve.refusedEpoch)).toEqual([11]);
    located({ node: first, birth: 10, epoch: 11 });
    expect(sentCalls()).toEqual(['n1_aaaaaaaa#1@11']);
  });

  test('asks less and less often while the node keeps refusing', () => {
    placed();
    call(1);
    calls.onNotHere({ kind: 'not-here', actor, session, number: 1, epoch: 11 });
    for (let ms = 0; ms < 4_000; ms += 20) {
      const asked = resolves.length;
      clock.pass(20);
      if (resolves.length === asked) continue;
      located({ node: first, birth: 10, epoch: 11 });
      calls.onNotHere({ kind: 'not-here', actor, session, number: 1, epoch: 11 });
    }
    // 20, 40, 80 … at most one second apart.
    expect(resolves.length).toBeGreaterThan(6);
    expect(resolves.length).toBeLessThan(12);
  });

  test('has an unknown outcome when it was sent and nobody answers for long', () => {
    placed();
    call(1);
    clock.pass(30_000 + 30_000 + 9_000);
    expect(codes()).toEqual([]);
    clock.pass(2_000);
    expect(codes()).toEqual(['OUTCOME_UNKNOWN']);
  });

  test('has an unknown outcome sooner when its node died and no other took over', () => {
    placed();
    call(1);
    routes.apply({ kind: 'node-dying', incarnation: first, reason: 'silent', at: 0 }, 30);
    clock.pass(30_000 + 29_000);
    expect(codes()).toEqual([]);
    clock.pass(2_000);
    expect(codes()).toEqual(['OUTCOME_UNKNOWN']);
  });

  test('tells the node when its client no longer waits, and hands on what the node says', () => {
    placed();
    call(1);
    bus.take();
    calls.cancel(session, 1);
    const said = [{ kind: 'cancel-call' }, { kind: 'call', cancelled: true }];
    expect(bus.take().map(({ message }) => message)).toMatchObject(said);
    clock.pass(1_500);
    expect(bus.take().map(({ message }) => message)).toMatchObject(said);
    const outcome = { ok: false, failure: { code: 'CANCELLED', message: 'in time' } } as const;
    calls.onResult({ kind: 'call-result', actor, session, number: 1, outcome });
    expect(answers).toHaveLength(1);
    expect(calls.size).toBe(0);
  });

  test('that was cancelled says so wherever its actor goes, for as long as nobody answers', () => {
    placed();
    call(1);
    calls.cancel(session, 1);
    clock.pass(10_000);
    bus.take();
    routes.learn(actor, { node: second, birth: 10, epoch: 19 });
    located({ node: second, birth: 10, epoch: 19 });
    expect(bus.take().map(({ message }) => message)).toContainEqual(
      expect.objectContaining({ kind: 'call', epoch: 19, cancelled: true }),
    );
    expect(answers).toEqual([]);
  });
});

describe('a call to an actor whose place is not known', () => {
  test('is surely not done when it is cancelled', () => {
    call(1);
    calls.cancel(session, 1);
    expect(JSON.stringify(answers)).toContain('CANCELLED');
    expect(calls.size).toBe(0);
  });

  test('waits in line while the leader is asked once for all', () => {
    call(1, { scope: 'run-7' });
    call(2);
    expect(resolves).toMatchObject([{ actor, scope: 'run-7' }]);
    located({ node: first, birth: 10, epoch: 11 });
    call(3);
    expect(sentCalls()).toEqual(['n1_aaaaaaaa#1@11', 'n1_aaaaaaaa#2@11', 'n1_aaaaaaaa#3@11']);
  });

  test('asks again each second, and at once when a new leader is there', () => {
    call(1);
    clock.pass(2_500);
    expect(resolves).toHaveLength(3);
    calls.askAgain();
    expect(resolves).toHaveLength(4);
  });

  test('is surely not done when no leader answered until its deadline', () => {
    call(1, { deadlineAt: clock.now() + 2_000 });
    clock.pass(3_000);
    expect(codes()).toEqual(['NO_LEADER']);
  });

  test('is surely not done when there was no node until its deadline', () => {
    call(1, { deadlineAt: clock.now() + 2_000 });
    located(failure('NO_NODES', 'no node is alive'));
    clock.pass(3_000);
    expect(codes()).toEqual(['NO_NODES']);
  });

  test('is refused at once when the leader says that it cannot be', () => {
    call(1);
    located(failure('UNKNOWN_TYPE', 'no type'));
    expect(codes()).toEqual(['UNKNOWN_TYPE']);
  });
});

describe('a client that comes back on another stream', () => {
  test('gets the answer of a call asked before, wherever it asks again', () => {
    placed();
    const old = { answered: () => answers.push({ number: -1, outcome: unexpected }) };
    call(1, { sink: old });
    calls.forget({ session }, old);
    call(1);
    const outcome: Outcome = { ok: true, value: new Uint8Array() };
    calls.onResult({ kind: 'call-result', actor, session, number: 1, outcome });
    expect(answers).toEqual([{ number: 1, outcome }]);
  });

  test('shares one call with whoever waits for the same number here', () => {
    placed();
    const heard: string[] = [];
    call(1, { sink: { answered: () => heard.push('one') } });
    call(1, { sink: { answered: () => heard.push('two') } });
    const outcome: Outcome = { ok: true, value: new Uint8Array() };
    calls.onResult({ kind: 'call-result', actor, session, number: 1, outcome });
    expect(heard).toEqual(['one', 'two']);
  });
});

test('calls under one key wait on when an older node does not say which of them it answers', () => {
  placed();
  const keyed = sessionId('key:default:k');
  const outcome: Outcome = { ok: true, value: new Uint8Array() };
  const result = { kind: 'call-result', actor, session: keyed, number: 1, outcome } as const;
  for (const print of ['add a', 'add b']) call(1, { session: keyed, print });
  calls.onResult(result);
  expect(answers).toEqual([]);
  calls.onResult({ ...result, print: 'add b' });
  expect(answers).toHaveLength(1);
  // The other one is alone now.
  calls.onResult(result);
  expect(answers).toHaveLength(2);
});

const unexpected: Outcome = { ok: false, failure: failure('INTERNAL', 'the old stream heard it') };

describe('a call of one birth of an actor', () => {
  const gone = (birth: number) => failure('GONE', 'it was destroyed', { actor, birth });

  test('asks for that birth, so that nothing is created', () => {
    call(1, { birth: 10 });
    expect(resolves).toMatchObject([{ actor, birth: 10 }]);
  });

  test('that was never sent is told that its actor is gone', () => {
    call(1, { birth: 10 });
    located(gone(10));
    expect(codes()).toEqual(['GONE']);
    expect(sentCalls()).toEqual([]);
  });

  test('that was sent and not answered has an unknown outcome when its actor is gone', () => {
    placed();
    call(1, { birth: 10 });
    routes.apply({ kind: 'node-dying', incarnation: first, reason: 'silent', at: 0 }, 21);
    located(gone(10));
    expect(codes()).toEqual(['OUTCOME_UNKNOWN']);
  });

  test('that its actor never ran, as it said when it ended, is told that it is gone', () => {
    placed();
    call(1, { birth: 10 });
    const refusal = { kind: 'not-here', actor, epoch: 11, session, number: 1 } as const;
    calls.onNotHere({ ...refusal, unrun: true });
    clock.pass(100);
    located(gone(10));
    expect(codes()).toEqual(['GONE']);
  });

  test('is not sent to the next actor of the name, whom a call by name reaches', () => {
    placed();
    call(1, { birth: 10 });
    call(2);
    bus.take();
    calls.onNotHere({ kind: 'not-here', actor, epoch: 11, session, number: 1, unrun: true });
    clock.pass(100);
    located({ node: first, birth: 30, epoch: 31 });
    expect(codes()).toEqual(['GONE']);
    expect(sentCalls()).toEqual(['n1_aaaaaaaa#2@31']);
  });

  test('waits for its own place when the route is that of the one before', () => {
    placed();
    call(1, { birth: 30 });
    expect(sentCalls()).toEqual([]);
    located({ node: first, birth: 30, epoch: 31 });
    expect(sentCalls()).toEqual(['n1_aaaaaaaa#1@31']);
  });

  test('beside one by name leaves it to that one to ask for whoever is there', () => {
    call(1, { birth: 10 });
    call(2);
    expect(resolves.at(-1)).not.toHaveProperty('birth');
  });
});

describe('a call to an actor that was destroyed', () => {
  test('is not sent there any more once the journal says so', () => {
    placed();
    routes.apply({ kind: 'actor-destroyed', actor, birth: 10, ledMs: 0 }, 40);
    call(1);
    expect(sentCalls()).toEqual([]);
    expect(resolves).toHaveLength(1);
  });

  test('goes to the next one of its name, which the leader may have told of before the journal', () => {
    placed();
    located({ node: first, birth: 50, epoch: 51 });
    routes.apply({ kind: 'actor-destroyed', actor, birth: 10, ledMs: 0 }, 40);
    call(1);
    expect(sentCalls()).toEqual(['n1_aaaaaaaa#1@51']);
  });
});
