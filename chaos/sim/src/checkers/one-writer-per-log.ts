/** A log has one writer at a time: a turn log its incarnation until the seal, the journal one leader
 *  after the other, and no record stands there twice. */
import { type Incarnation, turnLogName } from '@troupe/model';
import type { MakeChecker } from './checker.ts';

export const oneWriterPerLog: MakeChecker = (_truth, violate) => {
  const sealed = new Set<string>();
  const writers = new Map<string, string[]>();
  const ids = new Set<string>();
  return {
    record(log, { kind, id, position }) {
      if (kind === 'seal') sealed.add(log);
      if (kind !== 'rec') return;
      if (sealed.has(log)) violate(`${id} stands at ${position} of ${log}, which was sealed`);
      const once = `${log} ${id}`;
      if (ids.has(once)) violate(`${id} stands twice in ${log}`);
      ids.add(once);
      const writer = writerOf(id);
      if (log.startsWith('turns-') && turnLogName(writer as Incarnation) !== log) {
        violate(`${writer} writes ${log}`);
      }
      const known = writers.get(log) ?? [];
      if (known.at(-1) === writer) return;
      if (known.includes(writer) && !log.startsWith('journal'))
        violate(`${writer} is back in ${log}`);
      writers.set(log, [...known, writer]);
    },
  };
};

/** Process of a record id. */
export function writerOf(id: string): string {
  return id.slice(0, id.indexOf('|'));
}
