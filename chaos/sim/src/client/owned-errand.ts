/** A client makes an actor that somebody owns; a session of its own it keeps for a while. */
import {
  type ActorOwner,
  type Answer,
  encodeValue,
  limits,
  type Outcome,
  type RequestBody,
  sessionId,
  tenantName,
} from '@troupe/model';
import { tenant } from '../node/program.ts';
import type { Operation, OwnerWish } from '../plan/load.ts';
import { outcomeOf } from './gang-errand.ts';

type OwnedOperation = Extract<Operation, { kind: 'owned' }>;
type SessionWish = Extract<OwnerWish, { kind: 'session' }>;

interface Ways {
  /** Of all actors that clients make. */
  readonly scope: string | undefined;
  ask(body: RequestBody, answered: (answer: Answer) => void): void;
  after(ms: number, run: () => void): void;
  end(outcome: Outcome): void;
}

const done: Outcome = { ok: true, value: encodeValue(null) };
/** Words of a session in the time after which it counts as over. */
const wordsPerTime = 4;

export function beginOwned({ actor, by, owner }: OwnedOperation, ways: Ways): void {
  const { scope } = ways;
  const create = (given: ActorOwner, then: () => void): void => {
    const body = { kind: 'create-actor', actor, by, owner: given } as const;
    ways.ask(scope === undefined ? body : { ...body, scope }, (answer) => {
      const refused = outcomeOf(answer);
      if (refused === undefined) then();
      else ways.end(refused);
    });
  };
  const finish = () => ways.end(done);
  if (owner.kind === 'run') return create(owner, finish);
  if (owner.kind === 'session') return beginSession(owner, by, { ...ways, create });
  ways.ask({ kind: 'get-actor', actor: owner.actor }, (answer) => {
    if (answer.kind !== 'actor') return ways.end(outcomeOf(answer) ?? done);
    create({ ...owner, birth: answer.actor.birth }, finish);
  });
}

/** It says that it goes on while it waits for its actor, and for so long after that. */
function beginSession(
  { keepMs, closes }: SessionWish,
  name: string,
  ways: Ways & { create(owner: ActorOwner, then: () => void): void },
): void {
  const of = { tenant: tenantName(tenant), session: sessionId(name) };
  let isOver = false;
  const keep = (): void => {
    if (isOver) return;
    ways.ask({ kind: 'keep-session', ...of }, () => undefined);
    ways.after(limits.owningSessionMs / wordsPerTime, keep);
  };
  keep();
  ways.create({ kind: 'session', ...of }, () => {
    ways.after(keepMs, () => {
      isOver = true;
      if (!closes) return ways.end(done);
      ways.ask({ kind: 'end-session', ...of }, () => ways.end(done));
    });
  });
}
