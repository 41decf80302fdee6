/** What a client wishes of an actor: to be destroyed, or paused for a while and resumed. */
import {
  type ActorView,
  type Answer,
  encodeValue,
  type Outcome,
  type RequestBody,
} from '@troupe/model';
import type { Operation } from '../plan/load.ts';
import type { InterestingState } from '../world/coverage.ts';
import { outcomeOf } from './gang-errand.ts';

type LifeOperation = Extract<Operation, { kind: 'life' }>;

interface Ways {
  ask(body: RequestBody, answered: (answer: Answer) => void): void;
  after(ms: number, run: () => void): void;
  reach(state: InterestingState): void;
  end(outcome: Outcome): void;
}

const againMs = 500;
const done: Outcome = { ok: true, value: encodeValue(null) };

export function beginLife({ actor, pauseMs }: LifeOperation, ways: Ways): void {
  const destroy = ({ birth }: ActorView): void => {
    ways.ask({ kind: 'wish-actor', actor, birth, wish: 'ending' }, (answer) => {
      if (answer.kind === 'done') ways.reach('an actor is destroyed');
      ways.end(outcomeOf(answer) ?? done);
    });
  };
  /** It says what it follows, so that a copy of it that was held up never undoes a later one. */
  const wish = (seen: ActorView, kind: 'paused' | 'live', answered: (answer: Answer) => void) => {
    const { birth, wishAt = 0 } = seen;
    ways.ask({ kind: 'wish-actor', actor, birth, wishAt, wish: kind }, answered);
  };
  /** Whatever it takes: else what waits for it would wait for ever. */
  const resume = (birth: number): void => {
    const again = () => ways.after(againMs, () => resume(birth));
    ways.ask({ kind: 'get-actor', actor }, (seen) => {
      if (codeOf(seen) === 'UNKNOWN_ACTOR') return ways.end(done);
      if (seen.kind !== 'actor') return again();
      if (seen.actor.birth !== birth) return ways.end(done);
      wish(seen.actor, 'live', (answer) => {
        const isOver = answer.kind === 'done' || codeOf(answer) === 'GONE';
        if (isOver) ways.end(done);
        else again();
      });
    });
  };
  const pause = (seen: ActorView, ms: number): void => {
    wish(seen, 'paused', (answer) => {
      if (answer.kind === 'done') ways.reach('an actor is paused');
      ways.after(ms, () => resume(seen.birth));
    });
  };
  ways.ask({ kind: 'get-actor', actor }, (answer) => {
    if (answer.kind !== 'actor') return ways.end(outcomeOf(answer) ?? done);
    if (pauseMs === undefined) destroy(answer.actor);
    else pause(answer.actor, pauseMs);
  });
}

function codeOf(answer: Answer): string | undefined {
  return answer.kind === 'failed' ? answer.failure.code : undefined;
}
