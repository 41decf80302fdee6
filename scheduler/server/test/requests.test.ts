import {
  type Answer,
  failure,
  gatewayAddress,
  type Request,
  type RequestBody,
  TroupeError,
  tenantName,
} from '@troupe/model';
import { describe, expect, test } from 'vitest';
import { type AskOptions, Requests } from '../src/gateway/requests.ts';
import { VirtualClock } from './virtual-ports.ts';

const status: RequestBody = { kind: 'status' };
const put: RequestBody = { kind: 'put-tenant', tenant: tenantName('a'), weight: 1 };

class Stage {
  readonly clock = new VirtualClock();
  readonly sent: { readonly at: number; readonly request: Request }[] = [];
  readonly requests = new Requests({
    clock: this.clock,
    replyTo: gatewayAddress('g1'),
    resendMs: 1_000,
    send: (request) => this.sent.push({ at: this.clock.now(), request }),
  });

  /** Of a cluster in which a leader was elected, unless told otherwise. */
  constructor(term: number | 'none' = 3) {
    if (term !== 'none') this.requests.onTerm(term);
  }

  hears(number: number, by: number, answer: Answer): void {
    const term = { generation: 1, number: by };
    this.requests.onAnswered({ kind: 'answered', number, term, answer });
  }

  /** What came of it, and when. */
  ask(body: RequestBody, options: AskOptions = {}): { code?: string; atMs?: number } {
    const outcome: { code?: string; atMs?: number } = {};
    const began = this.clock.now();
    const ended = (code: string) => {
      outcome.code = code;
      outcome.atMs = this.#ended - began;
    };
    this.requests.ask(body, options).then(
      (answer) => ended(answer.kind),
      (reason: unknown) => ended(reason instanceof TroupeError ? reason.code : String(reason)),
    );
    return outcome;
  }

  /** Time passes by the millisecond, so that what ends is seen when it ends. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed++) {
      this.clock.pass(1);
      this.#ended = this.clock.now();
      await Promise.resolve();
      await Promise.resolve();
      await Promise.resolve();
    }
  }
  #ended = 0;
}

describe('a request to the leader', () => {
  test.each([0, 1, 60, 125, 190, 249])(
    'is given up at its deadline, %i ms after the last look at all requests',
    async (phaseMs) => {
      const stage = new Stage();
      await stage.pass(phaseMs);
      const outcome = stage.ask(status, { deadlineAt: stage.clock.now() + 400 });
      await stage.pass(399);
      expect(outcome).toEqual({});
      await stage.pass(2);
      expect(outcome).toEqual({ code: 'NO_LEADER', atMs: 400 });
      expect(stage.requests.size).toBe(0);
    },
  );

  test('that changes nothing has surely done nothing; of another one nobody knows', async () => {
    const stage = new Stage();
    const deadlineAt = stage.clock.now() + 400;
    const looks: readonly RequestBody[] = [
      status,
      { kind: 'list-actors', tenant: tenantName('a'), limit: 1 },
      { kind: 'list-timers', tenant: tenantName('a'), limit: 1 },
      { kind: 'list-tasks', limit: 1 },
      { kind: 'list-runs', limit: 1 },
      { kind: 'list-demands', limit: 1 },
    ];
    const outcomes = [...looks, put].map((body) => stage.ask(body, { deadlineAt }));
    stage.requests.onLeaderHeard();
    await stage.pass(401);
    const due = [...looks.map(() => 'DEADLINE_EXCEEDED'), 'OUTCOME_UNKNOWN'];
    expect(outcomes.map(({ code }) => code)).toEqual(due);
  });

  test('is sent again under its number with growing pauses, and answered once', async () => {
    const stage = new Stage();
    const outcome = stage.ask(put, { deadlineAt: stage.clock.now() + 60_000 });
    await stage.pass(8_000);
    expect(stage.sent.map(({ at }) => at - 1_000)).toEqual([0, 1_000, 3_000, 7_000]);
    expect(new Set(stage.sent.map(({ request }) => request.number)).size).toBe(1);
    const number = stage.sent[0]?.request.number ?? 0;
    stage.hears(number, 3, { kind: 'done' });
    stage.hears(number, 3, { kind: 'done' });
    await stage.pass(60_000);
    expect(outcome.code).toBe('done');
    expect(stage.sent).toHaveLength(4);
  });

  test('that nobody answered may have been heard by a leader that died', async () => {
    const stage = new Stage();
    const outcome = stage.ask(put, { deadlineAt: stage.clock.now() + 400 });
    await stage.pass(401);
    expect(outcome.code).toBe('OUTCOME_UNKNOWN');
  });

  test('is not sent before there is a leader, and then has surely done nothing', async () => {
    const stage = new Stage('none');
    const late = stage.ask(put, { deadlineAt: stage.clock.now() + 400 });
    const early = stage.ask(put, { deadlineAt: stage.clock.now() + 9_000 });
    await stage.pass(401);
    expect(late.code).toBe('NO_LEADER');
    expect(stage.sent).toEqual([]);
    stage.requests.onTerm(0);
    expect(stage.sent.map(({ request }) => [request.number, request.forTerm])).toEqual([[2, 0]]);
    stage.hears(2, 0, { kind: 'done' });
    await stage.pass(1);
    expect(early.code).toBe('done');
  });

  test('is not refused by a leader whose successor has been asked too', async () => {
    const stage = new Stage();
    const outcome = stage.ask(put, { deadlineAt: stage.clock.now() + 60_000 });
    stage.requests.onTerm(9);
    const refused = failure('RESOURCE_EXHAUSTED', 'tenant "a" has 9 tasks waiting');
    stage.hears(1, 3, { kind: 'failed', failure: refused });
    await stage.pass(1);
    expect(outcome).toEqual({});
    stage.hears(1, 9, { kind: 'done' });
    await stage.pass(1);
    expect(outcome.code).toBe('done');
  });

  test('says which of those before it are settled', async () => {
    const stage = new Stage();
    const lows = () => stage.sent.map(({ request }) => request.low);
    stage.ask(put, { deadlineAt: stage.clock.now() + 60_000 });
    stage.ask(put, { deadlineAt: stage.clock.now() + 60_000 });
    expect(lows()).toEqual([1, 1]);
    stage.hears(1, 3, { kind: 'done' });
    stage.ask(put, { deadlineAt: stage.clock.now() + 60_000 });
    expect(lows()).toEqual([1, 1, 2]);
  });

  test('is forgotten when its caller no longer waits', async () => {
    const stage = new Stage();
    const leave = new AbortController();
    const outcome = stage.ask(put, { signal: leave.signal });
    leave.abort();
    await stage.pass(5_000);
    expect(outcome.code).toBe('CANCELLED');
    expect(stage.sent).toHaveLength(1);
  });
});
