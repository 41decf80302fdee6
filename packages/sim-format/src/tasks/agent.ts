/**
 * Blocks that ask a model: any endpoint that speaks OpenAI's chat completions. The block's `apiKey`
 * or `OPENAI_API_KEY` is the key, `OPENAI_BASE_URL` the endpoint.
 */
import { troupeError } from '@troupe/model';
import { type TaskContext, task } from '@troupe/sdk';
import { withEnvironment } from './environment.ts';

interface Message {
  readonly role: string;
  readonly content: unknown;
}

export interface AgentInput {
  readonly model?: string;
  readonly apiKey?: string;
  readonly messages?: readonly Message[] | string;
  readonly systemPrompt?: string;
  readonly userPrompt?: unknown;
  readonly temperature?: number | string | null;
  readonly responseFormat?: unknown;
}

export interface AgentOutput {
  readonly content: unknown;
  readonly model: string;
  readonly tokens: unknown;
  readonly [field: string]: unknown;
}

const urlDefault = 'https://api.openai.com/v1';
const modelDefault = 'gpt-4o-mini';
const shownMax = 300;

export const agent = task<AgentInput, AgentOutput>(
  'agent',
  async (c: TaskContext, given: AgentInput): Promise<AgentOutput> => {
    const input = withEnvironment(given);
    const { content, model, tokens } = await ask(c, input, messagesOf(input));
    const fields = input.responseFormat ? readJson(content) : undefined;
    return { content: fields ?? content, model, tokens, ...(isRecord(fields) ? fields : {}) };
  },
  { retries: 0 },
);

export interface EvaluatorInput extends AgentInput {
  readonly content?: unknown;
  readonly metrics?: readonly {
    readonly name?: string;
    readonly description?: string;
    readonly range?: unknown;
  }[];
}

/** Scores a text by each metric; every metric is a field of its output. */
export const evaluator = task<EvaluatorInput, AgentOutput>(
  'evaluator',
  async (c: TaskContext, given: EvaluatorInput): Promise<AgentOutput> => {
    const input = withEnvironment(given);
    const question =
      'Score the text by each metric. Answer with one JSON object, a number for each name.\n' +
      `Metrics: ${JSON.stringify(input.metrics ?? [])}\nText:\n${textOf(input.content)}`;
    const { content, model, tokens } = await ask(c, input, [{ role: 'user', content: question }]);
    const scores = readJson(content);
    if (!isRecord(scores))
      throw new Error(`the model gave no scores: ${content.slice(0, shownMax)}`);
    return { content, model, tokens, ...scores };
  },
  { retries: 0 },
);

export interface RouterInput extends AgentInput {
  readonly prompt?: unknown;
  readonly context?: unknown;
  /** Where it can go. */
  readonly ports: readonly { readonly port: string; readonly title: string }[];
  readonly routes?: unknown;
}

export interface RouterOutput extends AgentOutput {
  readonly port: string;
}

export const router = task<RouterInput, RouterOutput>('router', choosePort, { retries: 0 });
export const routerV2 = task<RouterInput, RouterOutput>('router_v2', choosePort, { retries: 0 });

async function choosePort(c: TaskContext, given: RouterInput): Promise<RouterOutput> {
  const input = withEnvironment(given);
  const question =
    'Choose where this goes. Answer with the port of one route and nothing else.\n' +
    `Routes: ${JSON.stringify({ ports: input.ports, routes: input.routes ?? null })}\n` +
    `What is to be routed:\n${textOf(input.prompt ?? input.context)}`;
  const { content, model, tokens } = await ask(c, input, [{ role: 'user', content: question }]);
  const chosen = input.ports.find(({ port }) => port === content.trim());
  if (chosen === undefined) {
    throw new Error(`the model chose "${content.slice(0, shownMax)}", which is no route`);
  }
  return { content, model, tokens, port: chosen.port };
}

interface Asked {
  readonly content: string;
  readonly model: string;
  readonly tokens: unknown;
}

async function ask(
  c: TaskContext,
  input: AgentInput,
  messages: readonly Message[],
): Promise<Asked> {
  const given = input.apiKey?.startsWith('{{') ? undefined : input.apiKey;
  const key = given || process.env['OPENAI_API_KEY'];
  const base = process.env['OPENAI_BASE_URL'];
  if (!key && !base) {
    const what = 'the block asks a model and has no key: `OPENAI_API_KEY` is not set on this node';
    throw troupeError('CONFIG_INVALID', what, { key: 'OPENAI_API_KEY' });
  }
  const model = input.model || process.env['OPENAI_MODEL'] || modelDefault;
  const temperature = temperatureIn(input);
  const response = await fetch(completionsUrl(base || urlDefault), {
    method: 'POST',
    signal: c.signal,
    headers: {
      'content-type': 'application/json',
      'idempotency-key': c.taskId,
      ...(key ? { authorization: `Bearer ${key}` } : {}),
    },
    body: JSON.stringify({
      model,
      messages,
      ...(temperature === undefined ? {} : { temperature }),
      ...(input.responseFormat ? { response_format: formatOf(input.responseFormat) } : {}),
    }),
  });
  const body = await response.text();
  if (!response.ok)
    throw new Error(`the model answered ${response.status}: ${body.slice(0, shownMax)}`);
  const read = readJson(body);
  const choices = isRecord(read) ? read['choices'] : undefined;
  const message = Array.isArray(choices) ? choices[0]?.message : undefined;
  if (!isRecord(read) || typeof message?.content !== 'string') {
    throw new Error(`the model gave no answer: ${body.slice(0, shownMax)}`);
  }
  return { content: message.content, model, tokens: read['usage'] ?? null };
}

function messagesOf({ messages, systemPrompt, userPrompt }: AgentInput): readonly Message[] {
  const listed = typeof messages === 'string' ? readJson(messages) : messages;
  const all: Message[] = [];
  if (systemPrompt) all.push({ role: 'system', content: systemPrompt });
  if (Array.isArray(listed)) all.push(...listed);
  if (userPrompt) all.push({ role: 'user', content: textOf(userPrompt) });
  if (all.length > 0) return all;
  throw troupeError('INVALID_ARGUMENT', 'the block asks a model nothing: it has no messages');
}

/** What the editor left empty is not set, and no 0. */
function temperatureIn({ temperature }: AgentInput): number | undefined {
  const isSet = temperature !== null && String(temperature ?? '').trim() !== '';
  const number = isSet ? Number(temperature) : Number.NaN;
  return Number.isFinite(number) ? number : undefined;
}

/** `OPENAI_BASE_URL` is written with and without the version. */
function completionsUrl(base: string): string {
  const bare = base.replace(/\/+$/, '');
  return /\/v\d+\w*$/.test(bare) ? `${bare}/chat/completions` : `${bare}/v1/chat/completions`;
}

function formatOf(format: unknown): unknown {
  if (!isRecord(format)) return { type: 'json_object' };
  if ('type' in format && 'json_schema' in format) return format;
  const schema = 'schema' in format ? format : { name: 'answer', schema: format };
  return { type: 'json_schema', json_schema: schema };
}

function readJson(text: unknown): unknown {
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? '');
}
