/**
 * One gRPC client per address, made once and kept until the end.
 *
 * C1  every unary call has a deadline; every stream has an `error` listener.
 */
import { Client, type ClientDuplexStream, credentials, type ServiceError } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { type Bytes, limits, type StoredObject, type TroupeError } from '@troupe/model';
import { descriptor } from './descriptor.ts';
import type { Door } from './door.ts';
import { errorOfStatus } from './failures.ts';
import type { DeployResponse, OpenRequest, OpenResponse, UnaryMethods } from './messages.ts';

type SessionCall = ClientDuplexStream<OpenRequest, OpenResponse>;

/** What the gateway accepts in one message, and what it may send. */
const messageBytesMax = 32 * limits.payloadBytesMax;
const deployChunkBytes = 256 * 1024;

const definition = fromJSON(JSON.parse(descriptor), {
  // Numbers above the safe range are refused by whoever reads the field.
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
});

type StreamMethod = 'SessionService/Open' | 'DeploymentsService/Deploy' | 'ObjectsService/Read';

function methodOf(path: keyof UnaryMethods | StreamMethod) {
  const [service, method] = path.split('/');
  const loaded = definition[`troupe.v1.${service}`];
  const found = loaded === undefined || 'format' in loaded ? undefined : loaded[method ?? ''];
  if (found === undefined) throw new Error(`the proto has no ${path}`);
  return found;
}

/** The shape that the proto promises, which the generated reader does not name. */
function reading<T>(read: (bytes: Buffer) => object): (bytes: Buffer) => T {
  return read as (bytes: Buffer) => T;
}

const open = methodOf('SessionService/Open');
const deployment = methodOf('DeploymentsService/Deploy');
const reader = methodOf('ObjectsService/Read');

export class Channel implements Door {
  readonly address: string;
  readonly #client: Client;

  constructor(address: string) {
    this.address = address;
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5_000,
      'grpc.keepalive_permit_without_calls': 1,
      'grpc.max_receive_message_length': messageBytesMax,
      'grpc.max_send_message_length': messageBytesMax,
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.min_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 1_000,
      'grpc.enable_channelz': 0,
      'grpc.enable_retries': 0,
    });
  }

  openSession(): SessionCall {
    return this.#client.makeBidiStreamRequest<OpenRequest, OpenResponse>(
      open.path,
      open.requestSerialize,
      reading<OpenResponse>(open.responseDeserialize),
    );
  }

  unary<M extends keyof UnaryMethods>(
    method: M,
    request: UnaryMethods[M]['request'],
    deadlineMs: number,
  ): Promise<UnaryMethods[M]['response']> {
    const { path, requestSerialize, responseDeserialize } = methodOf(method);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest<UnaryMethods[M]['request'], UnaryMethods[M]['response']>(
        path,
        requestSerialize,
        reading<UnaryMethods[M]['response']>(responseDeserialize),
        request,
        { deadline: Date.now() + deadlineMs },
        (error, response) => {
          if (response !== undefined && error === null) resolve(response);
          else reject(this.#errorOf(error, method));
        },
      );
    });
  }

  deploy(tenant: string, bytes: Uint8Array, deadlineMs: number): Promise<DeployResponse> {
    return new Promise((resolve, reject) => {
      const stream = this.#client.makeClientStreamRequest<object, DeployResponse>(
        deployment.path,
        deployment.requestSerialize,
        reading<DeployResponse>(deployment.responseDeserialize),
        { deadline: Date.now() + deadlineMs },
        (error, response) => {
          if (response !== undefined && error === null) resolve(response);
          else reject(this.#errorOf(error, 'DeploymentsService/Deploy'));
        },
      );
      // The callback above tells of it; without a listener it would end the process (C1).
      stream.on('error', () => undefined);
      for (let at = 0; at < bytes.length; at += deployChunkBytes) {
        stream.write({ tenant, chunk: bytes.subarray(at, at + deployChunkBytes) });
      }
      stream.end();
    });
  }

  /** The bytes of a large output, as they come. */
  read(object: StoredObject, deadlineMs: number): Promise<Bytes> {
    return new Promise((resolve, reject) => {
      const stream = this.#client.makeServerStreamRequest<object, { chunk: Uint8Array }>(
        reader.path,
        reader.requestSerialize,
        reading<{ chunk: Uint8Array }>(reader.responseDeserialize),
        { object },
        { deadline: Date.now() + deadlineMs },
      );
      const chunks: Uint8Array[] = [];
      stream.on('data', ({ chunk }: { chunk: Uint8Array }) => chunks.push(chunk));
      stream.on('error', (error: Error) =>
        reject(this.#errorOf(error as ServiceError, 'ObjectsService/Read')),
      );
      stream.on('end', () => resolve(new Uint8Array(Buffer.concat(chunks))));
    });
  }

  close(): void {
    this.#client.close();
  }

  #errorOf(error: ServiceError | null, what: string): TroupeError | Error {
    if (error === null) return new Error(`${what} gave neither an answer nor an error`);
    return errorOfStatus(error, what, this.address);
  }
}
