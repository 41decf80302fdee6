/** A client as anybody could write it: grpc-js and the proto file, nothing of ours. */
import { fileURLToPath } from 'node:url';
import {
  Client,
  type ClientDuplexStream,
  credentials,
  type Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const proto = fileURLToPath(new URL('../../../proto/troupe/v1/troupe.proto', import.meta.url));
const loaded = loadSync(proto, { longs: String, defaults: true, oneofs: false });

export interface CodedError {
  readonly status: number;
  readonly code: string;
  readonly details: unknown;
  readonly message: string;
}

export interface ServerMessages {
  readonly messages: readonly {
    readonly welcome?: { cell: string; version: string; gateway: string } | null;
    readonly result?: {
      number: string;
      value: Uint8Array;
      error: { code: string; message: string; detailsJson: string } | null;
    } | null;
    readonly refused?: { code: string; message: string } | null;
  }[];
}

export class ForeignClient {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': 16 * 1024 * 1024,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 200,
    });
  }

  /** The answer, or a thrown `CodedError`. */
  call<Res = { readonly [name: string]: unknown }>(
    path: string,
    request: object,
    deadlineMs = 10_000,
  ): Promise<Res> {
    const method = definitionOf(path);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest<object, Res>(
        method.path,
        method.requestSerialize,
        method.responseDeserialize as (bytes: Buffer) => Res,
        request,
        { deadline: Date.now() + deadlineMs },
        (error, response) => {
          if (error !== null) reject(codedError(error));
          else if (response !== undefined) resolve(response);
        },
      );
    });
  }

  /** Any bytes as the request of a unary call. */
  raw(path: string, bytes: Buffer): Promise<unknown> {
    const method = definitionOf(path);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest<Buffer, unknown>(
        method.path,
        (given) => given,
        method.responseDeserialize,
        bytes,
        { deadline: Date.now() + 5_000 },
        (error, response) => (error === null ? resolve(response) : reject(codedError(error))),
      );
    });
  }

  deploy(chunks: readonly object[]): Promise<{ readonly [name: string]: unknown }> {
    const method = definitionOf('DeploymentsService/Deploy');
    return new Promise((resolve, reject) => {
      const stream = this.#client.makeClientStreamRequest<
        object,
        { readonly [name: string]: unknown }
      >(
        method.path,
        method.requestSerialize,
        method.responseDeserialize as (bytes: Buffer) => { readonly [name: string]: unknown },
        { deadline: Date.now() + 20_000 },
        (error, response) => {
          if (error !== null) reject(codedError(error));
          else if (response !== undefined) resolve(response);
        },
      );
      stream.on('error', () => undefined);
      for (const chunk of chunks) stream.write(chunk);
      stream.end();
    });
  }

  /** The messages of a server stream, one by one; throws a `CodedError`. */
  async *stream<Res = { readonly [name: string]: unknown }>(
    path: string,
    request: object,
  ): AsyncGenerator<Res> {
    const method = definitionOf(path);
    const stream = this.#client.makeServerStreamRequest<object, Res>(
      method.path,
      method.requestSerialize,
      method.responseDeserialize as (bytes: Buffer) => Res,
      request,
    );
    try {
      for await (const message of stream) yield message;
    } catch (error) {
      throw codedError(error as ServiceError);
    } finally {
      stream.cancel();
    }
  }

  session(): ForeignSession {
    const method = definitionOf('SessionService/Open');
    return new ForeignSession(
      this.#client.makeBidiStreamRequest<object, ServerMessages>(
        method.path,
        (given: object) => (Buffer.isBuffer(given) ? given : method.requestSerialize(given)),
        method.responseDeserialize as (bytes: Buffer) => ServerMessages,
      ),
    );
  }

  close(): void {
    this.#client.close();
  }
}

/** One stream of `SessionService.Open`, message by message. */
export class ForeignSession {
  readonly #stream: ClientDuplexStream<object, ServerMessages>;
  readonly #heard: ServerMessages['messages'][number][] = [];
  #wake: () => void = () => {};
  #ended = false;
  /** How the stream ended. */
  readonly status: Promise<CodedError>;
  /** Messages in each response, in order. */
  readonly batches: number[] = [];

  constructor(stream: ClientDuplexStream<object, ServerMessages>) {
    this.#stream = stream;
    stream.on('data', (response: ServerMessages) => {
      this.batches.push(response.messages.length);
      this.#heard.push(...response.messages);
      this.#wake();
    });
    this.status = new Promise((resolve) => {
      stream.on('error', (error: ServiceError) => resolve(codedError(error)));
      stream.on('status', (status: { code: number; details: string; metadata: Metadata }) => {
        resolve(codedError({ ...status, name: 'status', message: status.details }));
      });
    });
    void this.status.then(() => {
      this.#ended = true;
      this.#wake();
    });
  }

  hello(session: string, over: object = {}): void {
    this.send({ hello: { session, tenant: 'default', version: '0.1.0', ...over } });
  }

  send(...messages: object[]): void {
    this.#stream.write({ messages });
  }

  garbage(bytes: Buffer): void {
    this.#stream.write(bytes);
  }

  /** The next message of the gateway. */
  async next(): Promise<ServerMessages['messages'][number]> {
    for (;;) {
      const first = this.#heard.shift();
      if (first !== undefined) return first;
      if (this.#ended) throw new Error(`the stream ended: ${JSON.stringify(await this.status)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Reads nothing until `resume`. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  cancel(): void {
    this.#stream.cancel();
  }

  end(): void {
    this.#stream.end();
  }
}

function definitionOf(path: string) {
  const [service, name] = path.split('/');
  const found = loaded[`troupe.v1.${service}`];
  const method = found === undefined || 'format' in found ? undefined : found[name ?? ''];
  if (method === undefined) throw new Error(`no method ${path}`);
  return method;
}

function codedError(error: {
  readonly code: number;
  readonly details: string;
  readonly metadata?: Metadata;
}): CodedError {
  const code = String(error.metadata?.get('troupe-code')[0] ?? '');
  const details = String(error.metadata?.get('troupe-details')[0] ?? '{}');
  return {
    status: error.code,
    code,
    details: JSON.parse(details) as unknown,
    message: error.details,
  };
}
