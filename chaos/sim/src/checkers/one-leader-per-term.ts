/** A term has one leader: whoever opened it in the journal writes it and speaks in its name. */
import type { Term } from '@troupe/model';
import type { MakeChecker } from './checker.ts';
import { writerOf } from './one-writer-per-log.ts';

export const oneLeaderPerTerm: MakeChecker = (_truth, violate) => {
  const openers = new Map<number, string>();
  let current: { readonly number: number; readonly writer: string } | undefined;
  return {
    journalFact(fact, position, record) {
      const writer = writerOf(record.id);
      if (fact.kind === 'term-opened') {
        openers.set(position, writer);
        current = { number: position, writer };
      } else if (current?.writer !== writer) {
        violate(`fact ${position} of ${writer} stands in the term of ${current?.writer}`);
      }
    },
    sent(from, _subject, message) {
      if (!('term' in message)) return;
      const { number } = message.term as Term;
      const opener = openers.get(number);
      if (opener !== from) violate(`${from} speaks in term ${number}, which ${opener} opened`);
    },
  };
};
