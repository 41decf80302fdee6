import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TaskContext, TaskDefinition } from '@troupe/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  agent,
  api,
  evaluator,
  functionTask,
  retrying,
  router,
  toWrite,
} from '../src/tasks/index.ts';

const logged: string[] = [];
const context: TaskContext = {
  taskId: 'run:r1:a',
  attempt: 1,
  signal: new AbortController().signal,
  log: (text) => void logged.push(text),
  actor: () => {
    throw new Error('no actors here');
  },
};

async function run<I, O>(task: TaskDefinition<I, O>, input: I): Promise<O> {
  return await task.run(context, input);
}

interface Heard {
  readonly url: string;
  readonly headers: { readonly [name: string]: unknown };
  readonly body: string;
}

let server: Server;
let address = '';
let heard: Heard[] = [];
/** What the server answers: a status and a body. */
let says: readonly [number, string] = [200, '{}'];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (text) => {
      body += text;
    });
    request.on('end', () => {
      heard.push({ url: request.url ?? '', headers: request.headers, body });
      response.writeHead(says[0]).end(says[1]);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
afterEach(() => {
  heard = [];
  says = [200, '{}'];
  for (const name of ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'SIM_TEST_KEY'])
    delete process.env[name];
});

describe('an HTTP call', () => {
  it('carries headers, parameters and body, and the id of its task', async () => {
    process.env['SIM_TEST_KEY'] = 'secret';
    says = [200, '{"n": 1}'];
    const headers = [
      { cells: { Key: 'authorization', Value: { '{{}}': ['Bearer ', ['SIM_TEST_KEY']] } } },
    ];
    const came = await run(api, {
      url: `${address}/x`,
      method: 'post',
      headers,
      params: { q: 'a b' },
      body: { k: 1 },
    });
    expect(came).toMatchObject({ data: { n: 1 }, status: 200 });
    const [call] = heard;
    expect(call).toMatchObject({ url: '/x?q=a+b', body: '{"k":1}' });
    expect(call?.headers).toMatchObject({
      authorization: 'Bearer secret',
      'idempotency-key': 'run:r1:a',
    });
  });

  it('has a header once, as its block says, however that writes the name', async () => {
    const headers = { 'Content-Type': 'application/ld+json', 'Idempotency-Key': 'mine' };
    await run(api, { url: `${address}/x`, method: 'POST', headers, body: { k: 1 } });
    expect(heard[0]?.headers).toMatchObject({
      'content-type': 'application/ld+json',
      'idempotency-key': 'mine',
    });
  });

  it('fails on an answer of 400 or more, and on what is no address', async () => {
    says = [503, 'busy'];
    await expect(run(api, { url: `${address}/x?key=1` })).rejects.toThrow('/x answered 503: busy');
    await expect(run(api, { url: 'nowhere' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('code of a user', () => {
  const code = (text: string, values = {}) => run(functionTask, { code: { text, values } });

  it('gets its values by name, may wait, and says what it prints', async () => {
    const came = await code('console.log("sum", x); return await Promise.resolve(x + y);', {
      x: 1,
      y: 2,
    });
    expect(came).toEqual({ result: 3, stdout: 'sum 1\n' });
    expect(logged).toContain('sum 1');
    expect(await code('const x = 1;')).toEqual({ result: null, stdout: '' });
  });

  it('that throws or is no code fails the task', async () => {
    await expect(code('throw new Error("boom")')).rejects.toThrow('boom');
    await expect(code('return (')).rejects.toThrow(SyntaxError);
  });
});

describe('a block that asks a model', () => {
  const answers = (content: string) => {
    process.env['OPENAI_BASE_URL'] = address;
    says = [200, JSON.stringify({ choices: [{ message: { content } }], usage: { total: 1 } })];
  };

  it('fails with a code when there is no key', async () => {
    const messages = [{ role: 'user', content: 'hello' }];
    await expect(run(agent, { messages })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('OPENAI_API_KEY'),
    });
    await expect(
      run(agent, { messages, apiKey: { '{{}}': [['NOT_SET']] } as never }),
    ).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });

  it('gives the text, or the fields of the format that was asked for', async () => {
    answers('{"row": 1}');
    const messages = [{ role: 'user', content: 'hello' }];
    expect(await run(agent, { messages })).toMatchObject({ content: '{"row": 1}' });
    const responseFormat = { name: 'row', schema: {} };
    const came = await run(agent, { messages, responseFormat });
    expect(came).toMatchObject({ content: { row: 1 }, row: 1 });
    expect(JSON.parse(heard[1]?.body ?? '')).toMatchObject({
      messages,
      response_format: { json_schema: responseFormat },
    });
  });

  it('leaves the temperature to the model where the block leaves it empty', async () => {
    answers('hello');
    const messages = [{ role: 'user', content: 'hello' }];
    for (const temperature of [null, '', ' ', 'warm', '0', 0.5])
      await run(agent, { messages, temperature });
    const sent = heard.map(({ body }) => JSON.parse(body).temperature);
    expect(sent).toEqual([undefined, undefined, undefined, undefined, 0, 0.5]);
  });

  it('scores, and chooses a route there is', async () => {
    answers('{"clear": 4}');
    expect(await run(evaluator, { content: 'x', metrics: [{ name: 'clear' }] })).toMatchObject({
      clear: 4,
    });
    answers('sales');
    const ports = [{ port: 'sales', title: 'Sales' }];
    expect(await run(router, { prompt: 'x', ports })).toMatchObject({ port: 'sales' });
    answers('elsewhere');
    await expect(run(router, { prompt: 'x', ports })).rejects.toThrow(
      '"elsewhere", which is no route',
    );
  });
});

it('a task is tried again as its block says, and one that nobody wrote says so', async () => {
  const again = retrying(api, 'api.flaky', { retries: 2, backoffMs: 200 });
  expect(again).toMatchObject({ name: 'api.flaky', retries: 2, backoffMs: [200], run: api.run });
  expect(api.retries).toBe(0);
  await expect(run(toWrite('crm'), {})).rejects.toMatchObject({ code: 'UNKNOWN_TASK' });
});
