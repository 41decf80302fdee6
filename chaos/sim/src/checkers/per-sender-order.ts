/** Letters of one sender take effect in the order of their numbers, without gaps, and none that was
 *  not sent. */
import { type Letter, sameBytes } from '@troupe/model';
import { idIn } from '../node/form.ts';
import { isTopic, programIn } from '../node/program.ts';
import type { MakeChecker } from './checker.ts';

export const perSenderOrder: MakeChecker = (truth, violate) => ({
  turnFact(fact) {
    if (fact.kind !== 'turn' || fact.cause.kind !== 'letter') return;
    const { from, fromBirth, number } = fact.cause;
    const receiver = truth.actors.get(fact.actor);
    const taken = receiver?.memory.recv.get(`${from}#${fromBirth}`) ?? 0;
    // What was withdrawn from it is not waited for.
    const upTo = Math.max(taken, truth.withdrawnFrom(from, fromBirth, fact.actor));
    if (number !== taken + 1 && (number <= taken || number > upTo + 1)) {
      violate(`${fact.actor} takes letter ${number} of ${from} after letter ${taken}`);
    }
    const sent = truth.lettersOf(from, fromBirth, fact.actor)[number - 1];
    if (sent === undefined) {
      return violate(`${fact.actor} takes letter ${number}, ${from} never sent it`);
    }
    if (fact.delta === undefined || isTopic(fact.actor)) return;
    const meant = programIn(sent.method, sent.args, fact.actor).id;
    const program = idIn(fact.delta);
    if (program === meant) return;
    violate(`${fact.actor} takes ${program} as letter ${number} of ${from}, which was ${meant}`);
  },
  sent(_from, _subject, message) {
    if (!('kind' in message) || message.kind !== 'letter') return;
    const { from, fromBirth, to, number, args } = message as Letter;
    const sent = truth.lettersOf(from, fromBirth, to)[number - 1];
    if (sent !== undefined && !sameBytes(sent.args, args)) {
      violate(`letter ${number} of ${from} to ${to} has changed`);
    }
  },
});
