import { expect, test } from 'vitest';
import type { Passages } from '../src/writing/extract.ts';
import { askModel, completionsUrl, modelFrom } from '../src/writing/model.ts';
import { endpoint, says } from './endpoint.ts';

const passages: Passages = {
  question: 'Who feeds the ox?',
  excerpts: [
    { path: 'a.md', from: 3, to: 5, heading: 'Ox', kind: 'prose', text: 'The miller.', score: 2 },
    { path: 'b.md', from: 7, to: 9, heading: '', kind: 'prose', text: 'Not the smith.', score: 1 },
  ],
  weights: { ox: 1 },
};

function ask(url: string, signal = new AbortController().signal) {
  const choice = { url, model: 'small' };
  return askModel(passages, { choice, key: 'secret', effectId: 'effect-1', signal });
}

test('a model writes the answer from the passages, and its citations become files and lines', async () => {
  await using server = await endpoint(() => ({
    status: 200,
    body: says('The miller feeds it [1]. The smith does not [1, 2].'),
  }));
  expect(await ask(server.url)).toEqual({
    question: 'Who feeds the ox?',
    text: 'The miller feeds it [a.md:3]. The smith does not [a.md:3] [b.md:7].',
    citations: [
      { path: 'a.md', from: 3, to: 5, heading: 'Ox' },
      { path: 'b.md', from: 7, to: 9, heading: '' },
    ],
    writtenBy: 'small',
  });
  const [asked] = server.asked;
  expect(asked?.path).toBe('/v1/chat/completions');
  expect(asked?.headers.authorization).toBe('Bearer secret');
  expect(asked?.headers['idempotency-key']).toBe('effect-1');
  expect(asked?.body.model).toBe('small');
  expect(asked?.body.messages.at(-1)?.content).toContain('[2] b.md:7-9\nNot the smith.');
});

test('an answer without a valid citation is refused', async () => {
  await using server = await endpoint(() => ({ status: 200, body: says('Trust me [9].') }));
  await expect(ask(server.url)).rejects.toThrow('small answered without citing a passage');
});

test('an endpoint that refuses is quoted', async () => {
  await using server = await endpoint(() => ({ status: 401, body: '{"error":"wrong key"}' }));
  await expect(ask(server.url)).rejects.toThrow(/answered 401: \{"error":"wrong key"\}/);
});

test('an endpoint that answers no completion is quoted', async () => {
  await using server = await endpoint(() => ({ status: 200, body: '{"choices":[]}' }));
  await expect(ask(server.url)).rejects.toThrow(/answered without text/);
});

test('a cancelled turn stops waiting for the model', async () => {
  const cancel = new AbortController();
  await using server = await endpoint(() => {
    cancel.abort(new Error('turn cancelled'));
    return { status: 200, body: says('late [1]') };
  });
  await expect(ask(server.url, cancel.signal)).rejects.toThrow('turn cancelled');
});

test('the base URL is taken with and without its version', () => {
  expect(completionsUrl('http://x:1')).toBe('http://x:1/v1/chat/completions');
  expect(completionsUrl('http://x:1/v1/')).toBe('http://x:1/v1/chat/completions');
  expect(completionsUrl('http://x/api/v3')).toBe('http://x/api/v3/chat/completions');
});

test('a model is used only when the environment configures one', () => {
  expect(modelFrom({})).toBeNull();
  expect(modelFrom({ OPENAI_MODEL: 'm' })).toBeNull();
  expect(modelFrom({ OPENAI_BASE_URL: 'http://x', OPENAI_MODEL: 'm' })).toEqual({
    url: 'http://x',
    model: 'm',
  });
  expect(modelFrom({ OPENAI_API_KEY: 'k' })?.url).toBe('https://api.openai.com/v1');
});
