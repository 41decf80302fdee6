/** Requests about savepoints: made by a survey, listed, dropped. */
import { failure, isShortName, limits, type SavepointRequest } from '@troupe/model';
import type { Desk } from './desk.ts';
import type { SavepointRecord } from './savepoint-table.ts';
import { idsLength, isLine, type Surveys } from './surveys.ts';
import type { Asker } from './waiting.ts';

type Wish<K extends SavepointRequest['kind']> = Extract<SavepointRequest, { kind: K }>;

export class Savepoints {
  readonly #desk: Desk;
  readonly #surveys: Surveys;

  constructor(desk: Desk, surveys: Surveys) {
    this.#desk = desk;
    this.#surveys = surveys;
  }

  serve(
    asker: Asker,
    body: Exclude<SavepointRequest, { kind: 'show-line' | 'rewind' | 'find-rewind' }>,
  ): void {
    switch (body.kind) {
      case 'make-savepoint':
        return this.#make(asker, body);
      case 'list-savepoints':
        return this.#list(asker, body);
      case 'drop-savepoint':
        return this.#drop(asker, body);
    }
  }

  #make(asker: Asker, { tenant, scope, savepoint }: Wish<'make-savepoint'>): void {
    const { savepoints } = this.#desk.state;
    if (!isShortName(savepoint)) {
      const what = `"${savepoint}" cannot be the name of a savepoint`;
      return this.#desk.refuse(asker, 'INVALID_ARGUMENT', what);
    }
    const known = savepoints.get(tenant, scope, savepoint);
    if (known !== undefined) return this.#show(asker, known);
    if (savepoints.of(tenant, scope).length >= limits.savepointsMax) {
      const what = `scope "${scope}" has ${limits.savepointsMax} savepoints, drop some of them`;
      return this.#desk.refuse(asker, 'RESOURCE_EXHAUSTED', what);
    }
    this.#surveys.begin({ tenant, scope }, (line) => {
      if (!isLine(line)) return this.#desk.answer(asker, { kind: 'failed', failure: line });
      const made = savepoints.get(tenant, scope, savepoint);
      if (made !== undefined) return this.#show(asker, made);
      const at = this.#desk.wall;
      this.#desk.decide({ kind: 'savepoint-made', tenant, scope, savepoint, line, at });
      this.#show(asker, { tenant, scope, savepoint, line, at });
    });
  }

  #show(asker: Asker, { scope, savepoint, line, at }: SavepointRecord): void {
    this.#desk.answer(asker, { kind: 'savepoint', savepoint: { scope, savepoint, line, at } });
  }

  #list(asker: Asker, { tenant, scope, after }: Wish<'list-savepoints'>): void {
    const { savepoints, actors } = this.#desk.state;
    const inScope = actors.inScope(tenant, scope);
    if (inScope.length === 0) {
      const reason = failure('UNKNOWN_SCOPE', `no actor is in scope "${scope}"`, { scope });
      return this.#desk.answer(asker, { kind: 'failed', failure: reason });
    }
    const all = savepoints.of(tenant, scope);
    const left = all.slice(all.findIndex(({ savepoint }) => savepoint === after) + 1);
    // One fits always: no line is longer.
    const fitting = fittingOf(left, ({ line }) => idsLength(Object.keys(line)));
    const views = fitting.map(({ savepoint, line, at }) => ({ scope, savepoint, line, at }));
    const ids = fittingOf(inScope, ({ id }) => id.length).map(({ id }) => id);
    const more = fitting.length < left.length;
    this.#desk.answer(asker, { kind: 'savepoints', savepoints: views, more, actors: ids });
  }

  #drop(asker: Asker, { tenant, scope, savepoint }: Wish<'drop-savepoint'>): void {
    if (this.#desk.state.savepoints.get(tenant, scope, savepoint) === undefined) {
      const what = `scope "${scope}" has no savepoint "${savepoint}"`;
      return this.#desk.refuse(asker, 'UNKNOWN_SAVEPOINT', what, { scope, savepoint });
    }
    this.#desk.decide({ kind: 'savepoint-dropped', tenant, scope, savepoint });
    this.#desk.answer(asker, { kind: 'done' });
  }
}

/** The first ones, of which the ids fit into an answer. */
function fittingOf<T>(all: readonly T[], lengthOf: (one: T) => number): readonly T[] {
  let length = 0;
  const beyond = all.findIndex((one) => {
    length += lengthOf(one);
    return length > limits.lineIdsMax;
  });
  return beyond < 0 ? all : all.slice(0, beyond);
}
