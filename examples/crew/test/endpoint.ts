/** An OpenAI-compatible endpoint on a free port, which answers as the test says. */
import { createServer, type IncomingMessage } from 'node:http';

export interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: { model: string; messages: { role: string; content: string }[] };
}

export interface Endpoint extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly Asked[];
}

export async function endpoint(
  answer: (asked: Asked) => { status: number; body: string },
): Promise<Endpoint> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += String(chunk);
    });
    request.on('end', () => {
      const one = { path: request.url ?? '', headers: request.headers, body: JSON.parse(text) };
      asked.push(one);
      const { status, body } = answer(one);
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };
}

/** The body of a completion with this text. */
export function says(content: string): string {
  return JSON.stringify({ choices: [{ message: { role: 'assistant', content } }] });
}
