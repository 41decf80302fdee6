/**
 * What befalls packets on their way from one machine to another. All faults of a machine stand as
 * rules in its own namespace, where its packets arrive, and are laid anew as a whole whenever one
 * begins or ends.
 *
 * L1  rules change in one step: no packet meets half of a change.
 * L2  faults of one link add up; healing one leaves the others.
 */
import { run } from './command.ts';
import type { Machine } from './machine.ts';

/** One direction between two machines. */
export interface Link {
  /** Of anybody on the network, this machine included. */
  readonly source: Pick<Machine, 'address'>;
  readonly target: Machine;
}

export type LinkFault =
  /** Nothing arrives. */
  | { readonly kind: 'cut' }
  /** Of a hundred packets so many are lost, each by chance. */
  | { readonly kind: 'loss'; readonly percent: number }
  /** What goes beyond this rate is lost, so that senders slow down. */
  | { readonly kind: 'slow'; readonly kilobytesPerSecond: number }
  /** Connections are answered by a reset. */
  | { readonly kind: 'reset' };

export interface Fault {
  /** Packets that it befell so far. A fault that befell none tested nothing. */
  befallen(): number;
  /** Ends it; a second time does nothing. */
  heal(): void;
}

interface Rule {
  readonly name: string;
  readonly text: string;
}

const table = 'inet troupe';

export class Links {
  readonly #rules = new Map<Machine, Set<Rule>>();
  #next = 1;

  /** Lays the fault on every one of the links. */
  begin(links: readonly Link[], what: LinkFault): Fault {
    const name = `fault${this.#next++}`;
    const targets = new Set(links.map(({ target }) => target));
    const laid = links.map(({ source, target }) => {
      const rule = { name, text: ruleOf(source, what, name) };
      this.#rulesOf(target).add(rule);
      return { target, rule };
    });
    for (const target of targets) this.#lay(target);
    let healedAt: number | undefined;
    const count = () => [...targets].reduce((sum, target) => sum + befallen(target, name), 0);
    return {
      befallen: () => healedAt ?? count(),
      heal: () => {
        if (healedAt !== undefined) return;
        healedAt = count();
        for (const { target, rule } of laid) this.#rulesOf(target).delete(rule);
        for (const target of targets) this.#lay(target);
      },
    };
  }

  #rulesOf(machine: Machine): Set<Rule> {
    const rules = this.#rules.get(machine) ?? new Set<Rule>();
    this.#rules.set(machine, rules);
    return rules;
  }

  /** L1. Counters that stay keep what they counted, but for packets of this very moment. */
  #lay(machine: Machine): void {
    const rules = [...this.#rulesOf(machine)];
    const names = new Set(rules.map(({ name }) => name));
    const counters = [...names].map((name) => {
      const packets = befallen(machine, name);
      return `  counter ${name} { packets ${packets} bytes 0 }`;
    });
    const text = [
      `table ${table}`,
      `delete table ${table}`,
      `table ${table} {`,
      ...counters,
      '  chain arriving {',
      '    type filter hook input priority 0;',
      ...rules.map((rule) => `    ${rule.text}`),
      '  }',
      '}',
      '',
    ];
    run([...machine.prefix, 'nft', '-f', '-'], text.join('\n'));
  }
}

function ruleOf({ address }: Pick<Machine, 'address'>, what: LinkFault, counter: string): string {
  const from = `ip saddr ${address}`;
  const lost = `counter name ${counter} drop`;
  switch (what.kind) {
    case 'cut':
      return `${from} ${lost}`;
    case 'loss':
      return `${from} numgen random mod 1000 < ${Math.round(what.percent * 10)} ${lost}`;
    case 'slow':
      return `${from} limit rate over ${what.kilobytesPerSecond} kbytes/second ${lost}`;
    case 'reset':
      return `${from} meta l4proto tcp counter name ${counter} reject with tcp reset`;
  }
}

/** Zero where the counter is not there. */
function befallen(machine: Machine, counter: string): number {
  const listed = run([...machine.prefix, 'nft', 'list', 'ruleset']);
  const match = new RegExp(`counter ${counter} \\{\\s*packets (\\d+)`).exec(listed);
  return Number(match?.[1] ?? 0);
}
