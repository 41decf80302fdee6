/** Who is there in the tests of a node: an actor and another one, a gateway, nodes by their names. */
import {
  actorId,
  bundleHash,
  type Call,
  type ChainLink,
  incarnation,
  logName,
  type Manifest,
  nodeAddress,
} from '@troupe/model';

export const bundle = bundleHash('b'.repeat(64));
export const gateway = 'gateway:g1' as Call['replyTo'];
export const ledger = actorId('default', 'Ledger', 'one');

/** It is given up when it has failed twice. */
export const frail = actorId('default', 'Frail', 'one');

const ledgers = {
  methods: ['add', 'fail', 'steps', 'ask', 'post', 'hang', 'time'],
  reads: ['list', 'slowList', 'few'],
};

export const manifest: Manifest = {
  sdk: '0.1.0',
  actors: [
    {
      type: 'Frail',
      ...ledgers,
      restart: { backoffMs: 4_000, backoffMsMax: 5_000, failuresMax: 2 },
    },
    {
      type: 'Ledger',
      ...ledgers,
      healthMs: 5_000_000,
      groups: [{ name: 'narrow', most: 2, reads: ['few'] }],
    },
  ],
  tasks: [],
  workflows: [],
};

export const other = actorId('default', 'Ledger', 'other');
export const node = (name: string) => nodeAddress(incarnation(`${name}.aaaaaaaa`));

/** The chain of an actor whose node of this name has died. */
export const seal = (name: string): ChainLink[] => [
  { log: logName(`turns-${name}`), from: 0, to: 1_000 },
];
