/** Streams: what a method yields is taken to its end, some of it by a second client, and then once more
 *  from the start. */
import { type ActorStream, type Troupe, TroupeError } from '@troupe/sdk';
import type { Random } from '../random.ts';
import { Reciter, type Verse } from '../reciting.ts';
import { type Came, cameOf, insist, readAll, type Workload } from './workload.ts';

const recitalsPerKey = 60;
const countMax = 80;
const restMsMax = 100;
/** How long a stream that cannot be had is asked for again. */
const patienceMs = 60_000;

export const streams: Workload = {
  name: 'streams',
  clients: 4,
  thinkMs: 300,
  client({ client, troupe, random, operations }) {
    return async () => {
      const key = `streams${operations.generation(recitalsPerKey)}.${client}`;
      const id = operations.nextId(client);
      const count = random.between(0, countMax);
      const asked = { id, key, action: 'recite', input: { count } };
      await operations.record(client, asked, () => taken(troupe, key, id, count, random), came);
    };
  },
  finals: ({ troupe }, keys) => readAll('streams', keys, (key) => troupe.actor(Reciter, key).ids()),
  actorsOf: (key) => [{ actor: Reciter, key }],
};

async function taken(troupe: Troupe, key: string, id: string, count: number, random: Random) {
  const restMs = random.between(0, restMsMax);
  const open = (from: number) =>
    troupe.actor(Reciter, key, { stream: id, from }).stream.recite(id, count, restMs);
  const first = open(0);
  const verses = await upTo(first, random.between(0, countMax));
  // Another one goes on where this one leaves, if it does before the end.
  const rest = first.position === 0 ? first : open(first.position);
  verses.push(...(await upTo(rest, Number.POSITIVE_INFINITY)));
  const reply = await insist(() => rest.reply(), patienceMs);
  const again = await upTo(open(0), Number.POSITIVE_INFINITY);
  return { verses, reply, again: JSON.stringify(again) === JSON.stringify(verses) };
}

/** Its next values, as many as there are, or so many. */
async function upTo(stream: ActorStream<Verse, number>, most: number): Promise<Verse[]> {
  const verses: Verse[] = [];
  const values = stream[Symbol.asyncIterator]();
  let until = performance.now() + patienceMs;
  while (verses.length < most) {
    try {
      const step = await values.next();
      if (step.done === true) break;
      verses.push(step.value);
      until = performance.now() + patienceMs;
    } catch (reason) {
      // The stream is where it was.
      const again = reason instanceof TroupeError && (reason.retryable || mayGoOn(reason));
      if (!again || performance.now() > until) throw reason;
    }
  }
  return verses;
}

/** What was not told may have been done all the same, also where only taking it again was refused. */
function came(reason: unknown): Came {
  const isEnd = reason instanceof TroupeError && reason.outcome === 'done';
  return isEnd ? cameOf(reason) : { ...cameOf(reason), outcome: 'unknown' };
}

function mayGoOn({ code }: TroupeError): boolean {
  return code === 'OUTCOME_UNKNOWN';
}
