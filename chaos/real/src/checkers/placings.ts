/**
 * What the attempts of a history of placings tell of themselves. An answer is the attempt whose result
 * the scheduler took: what it reserved was its own at least from its first to its last line. Nothing is
 * known of the others, which may run on when their place has been given away: attempts that were
 * preempted, or whose node was taken for dead.
 */
import { z } from 'zod';
import type { Held } from '../gpus.ts';
import type { Final, Operation } from '../history/history.ts';
import { finalOf, inputOf } from './verdict.ts';

const side = z.enum(['left', 'right']);
const given = z.object({
  /** Of a gang. */
  policy: z.string().optional(),
  members: z.array(z.object({ count: z.number(), milli: z.number(), side: side.optional() })),
});
const held = z.object({
  node: z.string(),
  process: z.string(),
  gpus: z.array(z.number()),
  attempt: z.number(),
  from: z.number(),
  until: z.number(),
}) satisfies z.ZodType<Held>;
const ledger = z.array(z.string());
const mark = /^(.+)\.(\d+)#(\d+)@(.*\d)$/;

export type Asked = z.infer<typeof given>;

export function askedOf(operation: Operation): Asked {
  return inputOf(given, operation);
}

/** By member; undefined when it is no answer to what was asked. */
export function answersOf(operation: Operation): readonly Held[] | undefined {
  const { members } = askedOf(operation);
  const answers = z.array(held).safeParse(operation.output);
  return answers.data?.length === members.length ? answers.data : undefined;
}

/** An attempt that began, by what it left in its ledger. */
export interface Mark {
  readonly text: string;
  /** Of its operation. */
  readonly operation: string;
  readonly member: number;
  readonly attempt: number;
  readonly node: string;
}

/** All that began under a key; undefined when it was not read. */
export function marksOf(finals: readonly Final[], key: string): readonly Mark[] | undefined {
  const texts = ledger.safeParse(finalOf(finals, key)).data;
  return texts?.map((text) => {
    const [, operation = text, member = '', attempt = '', node = ''] = mark.exec(text) ?? [];
    return { text, operation, member: Number(member), attempt: Number(attempt), node };
  });
}
