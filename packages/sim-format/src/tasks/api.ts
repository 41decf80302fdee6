/** A call by HTTP. */
import { troupeError } from '@troupe/model';
import { type TaskContext, task } from '@troupe/sdk';
import { withEnvironment } from './environment.ts';

export interface ApiInput {
  readonly url?: string;
  readonly method?: string;
  /** As an object, or as Sim's rows. */
  readonly headers?: unknown;
  readonly params?: unknown;
  readonly body?: unknown;
  /** Milliseconds. */
  readonly timeout?: number | string;
}

export interface ApiOutput {
  readonly data: unknown;
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
}

const limitMsDefault = 120_000;
const shownMax = 300;

/** An answer of 400 or more fails the task. The task's id goes along as idempotency key. */
export const api = task<ApiInput, ApiOutput>(
  'api',
  async (c: TaskContext, given: ApiInput): Promise<ApiOutput> => {
    const input = withEnvironment(given);
    const url = urlOf(input);
    const method = (input.method ?? 'GET').toUpperCase();
    const { body } = input;
    const hasBody = body !== undefined && body !== null && body !== '' && method !== 'GET';
    const isJson = hasBody && typeof body !== 'string';
    // Names of headers differ in case only: what the block says takes the place of ours.
    const headers = new Headers(isJson ? { 'content-type': 'application/json' } : {});
    headers.set('idempotency-key', c.taskId);
    for (const [name, value] of Object.entries(pairsOf(input.headers))) headers.set(name, value);
    const response = await fetch(url, {
      method,
      signal: AbortSignal.any([c.signal, AbortSignal.timeout(limitOf(input))]),
      headers,
      ...(hasBody ? { body: typeof body === 'string' ? body : JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    if (!response.ok) {
      throw new Error(
        `${method} ${url.origin}${url.pathname} answered ${response.status}: ${text.slice(0, shownMax)}`,
      );
    }
    return {
      data: readBody(text),
      status: response.status,
      headers: Object.fromEntries(response.headers),
    };
  },
  { retries: 0 },
);

function urlOf(input: ApiInput): URL {
  const text = input.url?.trim() ?? '';
  if (!URL.canParse(text)) {
    throw troupeError('INVALID_ARGUMENT', `the block calls "${text}", which is no address`);
  }
  const url = new URL(text);
  for (const [name, value] of Object.entries(pairsOf(input.params)))
    url.searchParams.set(name, value);
  return url;
}

function limitOf({ timeout }: ApiInput): number {
  const ms = Number(timeout);
  return ms > 0 ? ms : limitMsDefault;
}

function readBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Sim writes tables as rows of two cells, `Key` and `Value`. */
function pairsOf(table: unknown): { readonly [name: string]: string } {
  if (typeof table !== 'object' || table === null) return {};
  const pairs = Array.isArray(table)
    ? table.map((row) => [row?.cells?.Key, row?.cells?.Value])
    : Object.entries(table);
  return Object.fromEntries(
    pairs
      .filter(([name]) => typeof name === 'string' && name !== '')
      .map(([name, value]) => [name, String(value ?? '')]),
  );
}
