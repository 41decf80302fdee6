import { type Names, names } from '@troupe/fabric';
import {
  cellName,
  gatewayAddress,
  incarnation,
  leaderAddress,
  logName,
  nodeAddress,
} from '@troupe/model';
import { expect, test } from 'vitest';

const node = incarnation('n1.aaaaaaaa');
const log = logName('turns-n1_aaaaaaaa');

/** Every subject, stream, bucket and key of a cell, for parts that are called alike in all cells. */
function all(of: Names): { [what: string]: string } {
  const { cell: _cell, keys, ...rest } = of;
  const given: { [what: string]: unknown } = {
    ...rest,
    ...keys,
    node: of.node(node),
    gateway: of.gateway('g1'),
    witness: of.witness(node),
    inboxOfNode: of.inbox(nodeAddress(node)),
    inboxOfGateway: of.inbox(gatewayAddress('g1')),
    inbox: of.inbox(leaderAddress),
    logSubject: of.logSubject(log),
    logStream: of.logStream(log),
    checkpoint: of.checkpoint('00ff'),
    output: of.output(7, '>'),
    member: keys.member('n1'),
  };
  return Object.fromEntries(Object.entries(given).map(([what, name]) => [what, String(name)]));
}

test('no two cells have a subject, a stream, a bucket or a key in common', () => {
  const cells = ['red', 'blue', 'red-2', 're'].map((cell) => all(names(cellName(cell))));
  const [first = {}] = cells;
  for (const [what, name] of Object.entries(first)) {
    expect(name, what).not.toContain('=>');
    const same = cells.map((cell) => cell[what]);
    expect(new Set(same).size, `${what}: ${same.join(', ')}`).toBe(cells.length);
  }
});

test('what begins with a prefix of one cell is of no other cell', () => {
  const prefixes = (of: Names) => [of.keys.members, of.logStream(logName(''))];
  for (const [one, other] of [
    ['red', 'red-2'],
    ['re', 'red'],
  ] as const) {
    const others = Object.values(all(names(cellName(other))));
    for (const prefix of prefixes(names(cellName(one)))) {
      expect(others.filter((name) => name.startsWith(prefix))).toEqual([]);
    }
  }
});
