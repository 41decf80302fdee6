import {
  actorId,
  type Bytes,
  type Call,
  type CallResult,
  decodeValue,
  encodeValue,
  failure,
  incarnation,
  type Taken,
  takenOutcome,
  tenantName,
} from '@troupe/model';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { born, deployed, done, joined, moved, openStage, type Stage } from './gateway-stage.ts';
import { type Servers, startServers } from './servers.ts';

const tenant = tenantName('default');
const actor = actorId(tenant, 'Counter', 'a');
const first = incarnation('n1.aaaaaaaa');
const second = incarnation('n2.bbbbbbbb');
const request = { tenant: 'default', type: 'Counter', key: 'a', method: 'add', json: '[1]' };

let servers: Servers;
let stage: Stage;
let cells = 0;
/** What the actor has yielded, and what it came to. */
let values: Bytes[];
let end: Taken['end'];
/** From which positions the nodes were asked. */
let asked: [node: string, from: number][];

beforeAll(async () => {
  servers = await startServers();
});
afterAll(() => servers.stop());
beforeEach(async () => {
  stage = await openStage(servers, `takes-${++cells}`);
  stage.journal(...deployed(tenant), ...joined(first), ...joined(second), ...born(actor, first));
  values = ['a', 'b', 'c'].map((value) => encodeValue(value));
  end = { ok: true, value: encodeValue('done') };
  asked = [];
});
afterEach(() => stage.close());

function answer({ actor: id, caller }: Call, taken: Taken): CallResult {
  const { session, number } = caller;
  const outcome = takenOutcome(taken);
  return { kind: 'call-result', actor: id, session, number, outcome, taking: true };
}

/** A node that gives one value at a time, then the end. */
function gives(node: string) {
  return (call: Call): CallResult | undefined => {
    const { from: position = -1 } = call;
    asked.push([node, position]);
    const value = values[position];
    if (value !== undefined) return answer(call, { position, values: [value] });
    return end === undefined ? undefined : answer(call, { position, values: [], end });
  };
}

async function streamed(over: object = {}): Promise<unknown[]> {
  const taken: unknown[] = [];
  for await (const one of stage.client.stream('ActorsService/Stream', { ...request, ...over })) {
    taken.push([one['position'], one['json'], one['reply']]);
  }
  return taken;
}

describe('a stream', () => {
  test('gives each value as its own message, and the reply as the last', async () => {
    await stage.node(first, gives('first'));
    expect(await streamed()).toEqual([
      ['0', '"a"', false],
      ['1', '"b"', false],
      ['2', '"c"', false],
      ['3', '"done"', true],
    ]);
  });

  test('goes on from a position, under the same key as the same call', async () => {
    const sessions = new Set<string>();
    const give = gives('first');
    await stage.node(first, (call) => {
      sessions.add(`${call.caller.session} ${call.caller.number}`);
      return give(call);
    });
    await streamed({ idempotencyKey: 'mine' });
    const rest = await streamed({ idempotencyKey: 'mine', from: 2 });
    expect(rest.map((one) => (one as unknown[])[0])).toEqual(['2', '3']);
    expect(sessions.size).toBe(1);
  });

  test('begins with the priority that was asked for, and is refused with one that there is not', async () => {
    const priorities: unknown[] = [];
    const give = gives('first');
    await stage.node(first, (call) => {
      priorities.push(call.priority);
      return give(call);
    });
    await streamed({ priority: 'high' });
    expect(new Set(priorities)).toEqual(new Set(['high']));
    await expect(streamed({ priority: 'urgent' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('goes on at the node that its actor moves to', async () => {
    const give = gives('first');
    await stage.node(first, (call) => (call.from === 2 ? undefined : give(call)));
    await stage.node(second, gives('second'));
    stage.leader = (message) => {
      if (message.kind !== 'resolve') return;
      const epoch = stage.journal(moved(actor, second));
      const location = { node: second, birth: epoch - 5, epoch };
      stage.gateway.deliver({ kind: 'located', actor, location });
    };
    const taken = streamed();
    await expect.poll(() => asked.length).toBe(2);
    stage.journal({ kind: 'node-dying', incarnation: first, reason: 'silent', at: 0 });
    expect((await taken).map((one) => (one as unknown[])[0])).toEqual(['0', '1', '2', '3']);
    // Asked again where an answer takes long, and late twins may arrive: what is taken goes on at the third.
    const places = asked.filter(([node]) => node === 'second').map(([, from]) => from);
    expect(new Set(places.filter((from) => from >= 2))).toEqual(new Set([2, 3]));
  });

  test('that had begun and finds no place is not said to have done nothing', async () => {
    stage.journal({ kind: 'node-dying', incarnation: first, reason: 'silent', at: 0 });
    const over = { idempotencyKey: 'mine', deadlineMs: 100 };
    await expect(streamed({ ...over, from: 2 })).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await expect(streamed(over)).rejects.toMatchObject({ code: 'NO_LEADER' });
  });

  test('passes over what is said to somebody else who takes from it', async () => {
    const give = gives('first');
    let strayed = false;
    await stage.node(first, (call) => {
      if (call.from !== 1 || strayed) return give(call);
      strayed = true;
      return answer(call, { position: 2, values: [values[2] ?? new Uint8Array()] });
    });
    expect((await streamed()).map((one) => (one as unknown[])[1])).toEqual([
      '"a"',
      '"b"',
      '"c"',
      '"done"',
    ]);
  });

  test('ends with the failure of its method, after its values', async () => {
    end = { ok: false, failure: failure('USER_ERROR', 'no more') };
    await stage.node(first, gives('first'));
    const taken: unknown[] = [];
    const reading = (async () => {
      for await (const one of stage.client.stream('ActorsService/Stream', request)) {
        taken.push(one['json']);
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'USER_ERROR' });
    expect(taken).toEqual(['"a"', '"b"', '"c"']);
  });

  test('is not read ahead of its client', async () => {
    values = Array.from({ length: 200 }, () => encodeValue('x'.repeat(100_000)));
    await stage.node(first, gives('first'));
    const stream = stage.client.stream('ActorsService/Stream', request);
    let count = 0;
    for await (const { reply } of stream) {
      if (reply === true) break;
      count += 1;
      // No more is asked for than fits into the buffers of the connection.
      expect(asked.length - count).toBeLessThan(60);
    }
    expect(count).toBe(200);
  });
});

describe('a take', () => {
  const take = (over: object = {}) =>
    stage.client.call('ActorsService/Take', { ...request, idempotencyKey: 'k', ...over });

  test('answers with what there is, and with the end when nothing is left', async () => {
    await stage.node(first, (call) => {
      const { from = 0 } = call;
      if (from >= 3) return gives('first')(call);
      return answer(call, { position: from, values: values.slice(from) });
    });
    expect(await take({ from: 1 })).toMatchObject({
      position: '1',
      valuesJson: ['"b"', '"c"'],
      ended: false,
    });
    expect(await take({ from: 3 })).toMatchObject({ ended: true, json: '"done"', error: null });
  });

  test('says that a method has failed as an answer, not as a status that may be tried again', async () => {
    end = { ok: false, failure: failure('RESOURCE_EXHAUSTED', 'as user code said') };
    await stage.node(first, gives('first'));
    const { ended, error } = await take({ from: 3 });
    expect([ended, (error as { code: string }).code]).toEqual([true, 'RESOURCE_EXHAUSTED']);
  });

  test('needs a key', async () => {
    await expect(take({ idempotencyKey: '' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('is refused as its node refuses it', async () => {
    const forgotten = failure('SESSION_FORGOTTEN', 'nothing is known of it');
    await stage.node(first, (call) => ({
      ...done(call, null),
      outcome: { ok: false, failure: forgotten },
    }));
    await expect(take({ from: 5 })).rejects.toMatchObject({ code: 'SESSION_FORGOTTEN' });
  });

  test('is not answered by what was said to a call of the same key that did not take', async () => {
    let said = false;
    await stage.node(first, (call) => {
      if (said) return gives('first')(call);
      said = true;
      return done(call, 'as a whole');
    });
    expect(await take()).toMatchObject({ valuesJson: ['"a"'] });
    expect(decodeValue(encodeValue(asked))).toEqual([['first', 0]]);
  });
});
