/** What a client wishes of an actor: to be destroyed, or paused for a while and resumed. */
import { type Answer, encodeValue, type Outcome, type RequestBody } from '@troupe/model';
import type { Operation } from '../plan/load.ts';
import type { InterestingState } from '../world/coverage.ts';
import { outcomeOf } from './gang-errand.ts';

type LifeOperation = Extract<Operation, { kind: 'life' }>;
type Wish = Extract<RequestBody, { kind: 'wish-actor' }>['wish'];

interface Ways {
  ask(body: RequestBody, answered: (answer: Answer) => void): void;
  after(ms: number, run: () => void): void;
  reach(state: InterestingState): void;
  end(outcome: Outcome): void;
}

const againMs = 500;
const done: Outcome = { ok: true, value: encodeValue(null) };

export function beginLife({ actor, pauseMs }: LifeOperation, ways: Ways): void {
  const wish = (birth: number, kind: Wish, answered: (answer: Answer) => void): void => {
    ways.ask({ kind: 'wish-actor', actor, birth, wish: kind }, answered);
  };
  const destroy = (birth: number): void => {
    wish(birth, 'ending', (answer) => {
      if (answer.kind === 'done') ways.reach('an actor is destroyed');
      ways.end(outcomeOf(answer) ?? done);
    });
  };
  /** Whatever it takes: else what waits for it would wait for ever. */
  const resume = (birth: number): void => {
    wish(birth, 'live', (answer) => {
      const isOver = answer.kind === 'done' || codeOf(answer) === 'GONE';
      if (isOver) ways.end(done);
      else ways.after(againMs, () => resume(birth));
    });
  };
  const pause = (birth: number, ms: number): void => {
    wish(birth, 'paused', (answer) => {
      if (answer.kind === 'done') ways.reach('an actor is paused');
      ways.after(ms, () => resume(birth));
    });
  };
  ways.ask({ kind: 'get-actor', actor }, (answer) => {
    if (answer.kind !== 'actor') return ways.end(outcomeOf(answer) ?? done);
    const { birth } = answer.actor;
    if (pauseMs === undefined) destroy(birth);
    else pause(birth, pauseMs);
  });
}

function codeOf(answer: Answer): string | undefined {
  return answer.kind === 'failed' ? answer.failure.code : undefined;
}
