/**
 * A scope goes back to the line that a search through all that is durable finds: no turn before it knows
 * of one beyond, nobody goes further than that takes, and what is in transit across it is owed. Under one
 * `by` it goes back once.
 */
import { type ActorId, isBeyondKept, type Line, maximalLine, type Owed } from '@troupe/model';
import { vaultScope } from '../plan/vaults.ts';
import type { MakeChecker } from './checker.ts';
import type { Vaults } from './vaults.ts';

export const rewindIsMaximal: MakeChecker = ({ vaults }, violate) => {
  let begun = '';
  const done = new Set<string>();
  return {
    journalFact(fact) {
      if (fact.kind === 'rewind-begun' && fact.scope === vaultScope) begun = fact.by;
      if (fact.kind !== 'scope-rewound' || fact.scope !== vaultScope) return;
      if (done.has(begun)) violate(`a scope goes back a second time under "${begun}"`);
      done.add(begun);
      const fault = lineFault(vaults, fact.line) ?? owedFault(vaults, fact.line, fact.owed);
      if (fault !== undefined) violate(fault);
    },
  };
};

function lineFault(vaults: Vaults, line: Line): string | undefined {
  const { target, savepoints } = vaults;
  if (target === undefined) return 'a scope goes back that was not asked to';
  const named = 'savepoint' in target ? savepoints.get(target.savepoint) : undefined;
  const bound: Record<string, number> = {};
  for (const actor of vaults.all.keys()) {
    if (named !== undefined) bound[actor] = named[actor] ?? 0;
    else if ('actor' in target && target.actor === actor) bound[actor] = target.turn;
  }
  const best = maximalLine(vaults.strands(), bound);
  if (isBeyondKept(best)) return undefined;
  for (const [actor, seq] of Object.entries(best)) {
    const found = line[actor as ActorId] ?? 0;
    if (found === seq) continue;
    const last = vaults.last(actor as ActorId);
    return `${actor} goes back to turn ${found} of ${last}, the best line has turn ${seq}`;
  }
  return undefined;
}

function owedFault(
  vaults: Vaults,
  line: Line,
  owed: { readonly [actor: ActorId]: Owed },
): string | undefined {
  for (const from of vaults.all.keys()) {
    for (const to of vaults.all.keys()) {
      const needed = vaults.open(from, to, line);
      const after = owed[from]?.find(([receiver]) => receiver === to)?.[1];
      const sent = vaults
        .of(from)
        .turns.filter(({ seq }) => seq <= (line[from] ?? 0))
        .flatMap((turn) => turn.sent.filter((letter) => letter.to === to));
      const given =
        after === undefined
          ? []
          : sent.filter(({ number }) => number > after).map((one) => one.number);
      if (given.join() === needed.join()) continue;
      return `${from} owes ${to} the letters [${needed}], and is told to send [${given}]`;
    }
  }
  return undefined;
}
