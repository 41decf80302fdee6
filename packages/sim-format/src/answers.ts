/** What a block that ends the run answers: `{ data, status, headers }`, as in Sim. */
import type { Expression } from '@troupe/model';
import type { SimBlock } from './document.ts';
import { Refused } from './scope.ts';
import { type Environment, type Meanings, template, valueTemplate } from './templates.ts';
import { typedValue } from './variables.ts';

export function answerOf(
  { config: { params } }: SimBlock,
  meanings: Meanings,
  environment: Environment,
): Expression {
  const isBuilt = params.dataMode !== 'json' && Array.isArray(params.builderData);
  const data = isBuilt
    ? built(params.builderData, meanings, environment)
    : valueTemplate(params.data ?? null, meanings, environment);
  const status = statusOf(valueTemplate(params.status || 200, meanings, environment));
  const headers = tableOf(params.headers, meanings, environment);
  return { data, status, headers };
}

/** A number, or a reference to one. */
function statusOf(given: Expression): Expression {
  const status = typeof given === 'string' ? Number(given) : given;
  if (typeof status === 'object' || Number.isFinite(status)) return status;
  throw new Refused(`its \`status\` is ${JSON.stringify(given)}, which is no number`);
}

/** Fields that somebody put together in the editor. */
function built(fields: unknown, meanings: Meanings, environment: Environment): Expression {
  const list: readonly unknown[] = Array.isArray(fields) ? fields : [];
  return Object.fromEntries(
    list.flatMap((one): [string, Expression][] => {
      const { name, type, value } = asRecord(one);
      if (typeof name !== 'string' || name === '') return [];
      if (type === 'string') return [[name, template(value, meanings, environment)]];
      return [[name, valueTemplate(typedValue(String(type), value), meanings, environment)]];
    }),
  );
}

/** Rows of two cells. */
function tableOf(table: unknown, meanings: Meanings, environment: Environment): Expression {
  const rows: readonly unknown[] = Array.isArray(table) ? table : [];
  return Object.fromEntries(
    rows.flatMap((row): [string, Expression][] => {
      const { Key, Value } = asRecord(asRecord(row).cells);
      if (typeof Key !== 'string' || Key === '') return [];
      return [[Key, template(Value ?? '', meanings, environment)]];
    }),
  );
}

export function asRecord(value: unknown): { readonly [name: string]: Expression } {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? (value as { readonly [name: string]: Expression }) : {};
}
