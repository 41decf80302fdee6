/** A node whose process runs is not given up for a pause of its loop: not while its witness says so. */
import type { Incarnation } from '@troupe/model';
import type { MakeChecker } from './checker.ts';
import { Decided } from './decided.ts';
import { writerOf } from './one-writer-per-log.ts';

/** Clocks differ, and what waits is looked at no more often than a leader wakes. */
const share = 0.8;
/** How many times as long as a silence a pause may be. */
const pauseTimes = 10;

export const witnessBelieved: MakeChecker = (truth, violate) => {
  /** When a scheduler last heard the witness of a node, by both. */
  const heardAt = new Map<string, number>();
  const beatAt = new Map<string, number>();
  const decided = new Decided(truth.now);
  const { heartbeatMs, nodeSilenceMs } = truth.config;
  return {
    sent(from, _subject, message) {
      if ('kind' in message && message.kind === 'heartbeat') beatAt.set(from, truth.now());
    },
    testified(process: string, node: Incarnation) {
      heardAt.set(`${process} ${node}`, truth.now());
    },
    journalFact(fact, _position, { id }) {
      decided.note(id);
      if (fact.kind === 'term-opened') decided.forget(id);
      if (fact.kind !== 'node-dying' || fact.reason !== 'silent') return;
      const { incarnation: node } = fact;
      const heard = heardAt.get(`${writerOf(id)} ${node}`);
      if (heard === undefined || heard > decided.at(id)) return;
      const now = truth.now();
      const isLong = now - (beatAt.get(node) ?? 0) > share * pauseTimes * nodeSilenceMs;
      if (isLong || now - heard > share * heartbeatMs) return;
      const ago = (now - heard).toFixed(0);
      violate(`${node} is given up for its silence ${ago} ms after its witness said that it runs`);
    },
  };
};
