/** What a condition or a router chooses between. */
import { z } from 'zod';
import type { SimBlock } from './document.ts';
import { Refused } from './scope.ts';
import { jsonIn } from './templates.ts';

const option = z.looseObject({
  id: z.string(),
  title: z.string().default(''),
  value: z.string().default(''),
});
const route = z.looseObject({ id: z.string(), title: z.string().default('') });

export type Option = z.infer<typeof option>;

export function optionsOf(block: SimBlock): readonly Option[] {
  return listIn(block, 'conditions', z.array(option));
}

export function routesOf(block: SimBlock): readonly z.infer<typeof route>[] {
  return listIn(block, 'routes', z.array(route));
}

function listIn<T>({ config }: SimBlock, name: string, schema: z.ZodType<T[]>): readonly T[] {
  const given = config.params[name];
  const list = typeof given === 'string' ? listInText(name, given) : given;
  const parsed = schema.safeParse(list ?? []);
  if (parsed.success) return parsed.data;
  throw new Refused(`its parameter \`${name}\` is no list of entries with an id`);
}

/** What is empty was never filled in. */
function listInText(name: string, text: string): unknown {
  if (text.trim() === '') return undefined;
  const list = jsonIn(text);
  if (list !== undefined) return list;
  const start = text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
  throw new Refused(
    `its parameter \`${name}\` is no JSON: \`${start}\`; it must be a list of entries with an id`,
  );
}

/** Of a text that is refused, so that the refusal can be read. */
const shownMax = 80;
