/**
 * Surveys: the leader finds a line through a scope by asking the nodes of its actors. First which
 * turn each has reached, then for the last turn that knows of nothing beyond what all have said, until nobody says
 * less than before. Nobody is stopped by that. Volatile: who wants a line asks the next leader.
 *
 * Y9  the line found is consistent, and no actor has gone further back than those before it made it.
 * Y10 a survey ends: by a line, or by a failure when its time is over.
 */
import {
  type ActorId,
  type Failure,
  failure,
  isFailure,
  type Line,
  limits,
  type TenantName,
  type TurnsFound,
} from '@troupe/model';
import { askNodes } from './ask-nodes.ts';
import type { Desk } from './desk.ts';
import type { Size } from './sizes.ts';

/** How a survey is to be made. */
interface Terms {
  /** What an actor may not go beyond, if anything. */
  readonly most?: (actor: ActorId) => number | undefined;
  /** Position of the fact by which the actors are held first. */
  readonly hold?: number;
}

interface Survey extends Terms {
  readonly tenant: TenantName;
  readonly scope: string;
  readonly until: number;
  readonly done: (line: Line | Failure) => void;
  /** Actors that have not answered in this round. */
  readonly open: Set<ActorId>;
  found: Record<string, number>;
  /** What the round before came to. */
  line: Line | undefined;
  /** Of the present round: answers to others come too late. */
  ask: number;
  /** A turn that it needs is not at hand. */
  lost: boolean;
}

const surveyMsMax = 30_000;
const surveysMax = 256;
const asksOfTerm = 65_536;

export class Surveys {
  readonly #desk: Desk;
  readonly #surveys = new Map<number, Survey>();
  /** Of the last round; those of other terms are other numbers. */
  #asks: number;

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#asks = desk.term.number * asksOfTerm;
  }

  /** Z1 */
  sizes(): readonly Size[] {
    return [{ of: 'surveys', size: this.#surveys.size, most: 0 }];
  }

  begin(
    { tenant, scope }: { readonly tenant: TenantName; readonly scope: string },
    done: (line: Line | Failure) => void,
    terms: Terms = {},
  ): void {
    const actors = this.#desk.state.actors.inScope(tenant, scope);
    const ids = idsLength(actors.map(({ id }) => id));
    const fault = scopeFault(scope, actors.length, ids);
    if (fault !== undefined) return done(fault);
    const isBack = terms.hold !== undefined;
    if (!isBack && this.#desk.state.rewinds.isUnderWay(tenant, scope)) return done(wentBack(scope));
    if (this.#surveys.size >= surveysMax) {
      const text = `${surveysMax} lines are being looked for`;
      return done(failure('RESOURCE_EXHAUSTED', text, { retryAfterMs: limits.resendMs }));
    }
    const open = new Set(actors.map(({ id }) => id));
    const until = this.#desk.now + surveyMsMax;
    const survey = {
      tenant,
      ...terms,
      scope,
      until,
      done,
      open,
      found: {},
      line: undefined,
      ask: 0,
      lost: false,
    };
    this.#round(survey);
  }

  found({ ask, found }: TurnsFound): void {
    const survey = this.#surveys.get(ask);
    if (survey === undefined) return;
    for (const { actor, epoch, turn } of found) {
      const record = this.#desk.state.actors.get(actor);
      if (record?.epoch !== epoch || !survey.open.has(actor)) continue;
      if (typeof turn !== 'number') return this.#stray(survey, turn);
      survey.open.delete(actor);
      const last = Math.min(turn, survey.most?.(actor) ?? turn);
      survey.found[actor] = Math.max(last, record.from ?? 0);
    }
    if (survey.open.size === 0 && !survey.lost) this.#next(survey);
  }

  /** What was asked is not so any more. */
  rewound(tenant: TenantName, scope: string): void {
    for (const survey of [...this.#surveys.values()]) {
      const isOf = survey.tenant === tenant && survey.scope === scope;
      if (isOf) this.#end(survey, wentBack(scope));
    }
  }

  /** Somebody has not answered for a while. */
  due(ask: number): void {
    const survey = this.#surveys.get(ask);
    if (survey === undefined) return;
    if (this.#desk.now < survey.until) {
      const isAsked = (actor: ActorId) => this.#desk.state.actors.get(actor) !== undefined;
      const stands = !survey.lost && [...survey.open].every(isAsked);
      return stands ? this.#send(survey) : this.#anew(survey);
    }
    const [first] = survey.open;
    const text = `${survey.open.size} actors of scope "${survey.scope}" did not say where they are`;
    this.#end(survey, failure('UNAVAILABLE', `${text}, one is ${first}`));
  }

  /** An actor went on so fast that the turn asked for is not at hand any more, or is destroyed: all begins
   *  anew. */
  #stray(survey: Survey, reason: Failure): void {
    const isHeld = survey.hold !== undefined;
    if (isHeld || reason.code !== 'TOO_FAR_BACK') return this.#end(survey, reason);
    survey.lost = true;
  }

  #anew(survey: Survey): void {
    this.#surveys.delete(survey.ask);
    survey.lost = false;
    survey.line = undefined;
    survey.found = {};
    survey.open.clear();
    const { tenant, scope } = survey;
    const actors = this.#desk.state.actors.inScope(tenant, scope);
    const fault = scopeFault(scope, actors.length, idsLength(actors.map(({ id }) => id)));
    if (fault !== undefined) return survey.done(fault);
    for (const { id } of actors) survey.open.add(id);
    this.#round(survey);
  }

  #next(survey: Survey): void {
    // Of who is destroyed since nothing is to be had.
    const there = Object.entries(survey.found).filter(
      ([actor]) => this.#desk.state.actors.get(actor as ActorId) !== undefined,
    );
    const found: Record<string, number> = Object.fromEntries(there);
    const { tenant, scope } = survey;
    // Whoever was created since may be known to those who were asked after that.
    for (const { id, from = 0 } of this.#desk.state.actors.inScope(tenant, scope)) {
      found[id] ??= from;
    }
    survey.found = found;
    const line: Line = { ...found };
    const before = survey.line;
    const actors = Object.keys(line) as ActorId[];
    if (before !== undefined && actors.every((actor) => line[actor] === before[actor])) {
      return this.#end(survey, line);
    }
    this.#surveys.delete(survey.ask);
    survey.line = line;
    for (const actor of actors) survey.open.add(actor);
    this.#round(survey);
  }

  /** A number for a round of questions, unlike that of any other term. */
  nextAsk(): number {
    this.#asks += 1;
    return this.#asks;
  }

  #round(survey: Survey): void {
    survey.ask = this.nextAsk();
    this.#surveys.set(survey.ask, survey);
    this.#send(survey);
  }

  #send({ open, ask, line, hold }: Survey): void {
    const { term, now, config, deadlines } = this.#desk;
    askNodes(this.#desk, open, (actors) => {
      if (line === undefined && hold !== undefined) {
        return { kind: 'hold-actors', term, ask, at: hold, actors };
      }
      const question = { kind: 'ask-turns', term, ask, actors } as const;
      return line === undefined ? question : { ...question, line };
    });
    deadlines.set(now + config.resendMs, { kind: 'survey', ask });
  }

  #end(survey: Survey, found: Line | Failure): void {
    this.#surveys.delete(survey.ask);
    survey.done(found);
  }
}

function scopeFault(scope: string, actors: number, ids: number): Failure | undefined {
  if (actors === 0) return failure('UNKNOWN_SCOPE', `no actor is in scope "${scope}"`, { scope });
  if (ids > limits.lineIdsMax) {
    const text = `the ids of scope "${scope}" have ${ids} characters, a line ${limits.lineIdsMax}`;
    return failure('WRONG_STATE', text, { scope });
  }
  if (actors <= limits.clockActorsMax) return undefined;
  const text = `scope "${scope}" has ${actors} actors, of ${limits.clockActorsMax} lines are known`;
  return failure('WRONG_STATE', text, { scope });
}

/** A few hundred for each actor at the most: what a line is long by. */
export function idsLength(ids: readonly string[]): number {
  return ids.reduce((sum, id) => sum + id.length, 0);
}

export function wentBack(scope: string): Failure {
  return failure('UNAVAILABLE', `scope "${scope}" goes back in time`, { scope });
}

export function isLine(found: Line | Failure): found is Line {
  return !isFailure(found);
}
