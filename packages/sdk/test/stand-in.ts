/** A gRPC server made from the proto that plays the gateway: a test says what it answers. */
import { fileURLToPath } from 'node:url';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { encodeValue, version } from '@troupe/model';
import type {
  CallMessage,
  ClientMessage,
  ErrorMessage,
  OpenRequest,
  SubmitMessage,
} from '../src/wire/messages.ts';

const proto = fileURLToPath(new URL('../../../proto/troupe/v1/troupe.proto', import.meta.url));
const definition = loadSync(proto, { longs: Number, defaults: true, oneofs: true });

/** A message of a client as it arrived, with the stream and frame in which it came. */
export type Heard = ClientMessage & { readonly stream: number; readonly frame: number };

type Stream = ServerDuplexStream<OpenRequest, object>;
type Hello = Extract<ClientMessage, { hello: unknown }>['hello'];

/** The answer of a method that never answers. */
export const silence = {};
/** As silence, and the connection breaks. */
export const broken = {};

export class StandIn {
  readonly #server: Server;
  readonly #streams: Stream[] = [];
  readonly #heard: Heard[] = [];
  readonly #waiting = new Set<() => void>();
  #frames = 0;
  address = '';
  readonly hellos: Hello[] = [];
  /** What is said to a hello; null: nothing at all. */
  welcome: object | null = { welcome: { cell: 'default', version, gateway: 'g1' } };
  /** Called with every call and submit, beside being noted. */
  onAsk: (ask: CallMessage | SubmitMessage) => void = () => undefined;
  unary: { [method: string]: (request: never) => object } = {};
  deployed: Buffer = Buffer.alloc(0);

  constructor() {
    this.#server = new Server({ 'grpc.max_receive_message_length': 16 * 1024 * 1024 });
    for (const methods of Object.values(definition)) {
      if ('format' in methods) continue;
      const handlers: UntypedServiceImplementation = {};
      for (const method of Object.keys(methods)) handlers[method] = this.#handler(method);
      this.#server.addService(methods, handlers);
    }
  }

  static async start(port = 0): Promise<StandIn> {
    const gateway = new StandIn();
    const bound = await new Promise<number>((resolve, reject) => {
      gateway.#server.bindAsync(
        `127.0.0.1:${port}`,
        ServerCredentials.createInsecure(),
        (error, got) => (error === null ? resolve(got) : reject(error)),
      );
    });
    gateway.address = `127.0.0.1:${bound}`;
    return gateway;
  }

  get port(): number {
    return Number(this.address.split(':')[1]);
  }

  /** The next message that fits, taken out of what has been heard. */
  next(fits: (heard: Heard) => boolean): Promise<Heard> {
    return new Promise((resolve) => {
      const look = (): void => {
        const at = this.#heard.findIndex(fits);
        const heard = this.#heard[at];
        if (heard === undefined) return;
        this.#heard.splice(at, 1);
        this.#waiting.delete(look);
        resolve(heard);
      };
      this.#waiting.add(look);
      look();
    });
  }

  async nextCall(method?: string): Promise<CallMessage & { stream: number; frame: number }> {
    const heard = await this.next(
      (message) => 'call' in message && (method === undefined || message.call.method === method),
    );
    if (!('call' in heard)) throw new Error('not a call');
    return { ...heard.call, stream: heard.stream, frame: heard.frame };
  }

  /** Messages heard and not taken yet. */
  get heard(): readonly Heard[] {
    return this.#heard;
  }

  answer(number: number, value: unknown): void {
    this.say({ result: { number, value: encodeValue(value) } });
  }

  fail(number: number, error: ErrorMessage): void {
    this.say({ result: { number, error } });
  }

  /** Says something on the newest stream. */
  say(message: object): void {
    this.#streams.at(-1)?.write({ messages: [message] });
  }

  /** Waits until so many hellos have come. */
  async hello(count: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.hellos.length < count) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Breaks every stream, as a gateway that dies does. */
  breakStreams(): void {
    for (const stream of this.#streams.splice(0)) {
      stream.emit('error', { code: 14, details: 'broken by the test' });
    }
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  #handler(method: string): UntypedHandleCall {
    return this.#typedHandler(method) as UntypedHandleCall;
  }

  #typedHandler(method: string) {
    if (method === 'Open') return (stream: Stream) => this.#open(stream);
    if (method === 'Deploy') {
      return (
        stream: ServerReadableStream<{ chunk: Buffer }, object>,
        done: sendUnaryData<object>,
      ) => {
        const chunks: Buffer[] = [];
        stream.on('data', ({ chunk }: { chunk: Buffer }) => chunks.push(chunk));
        stream.on('end', () => {
          this.deployed = Buffer.concat(chunks);
          done(null, { bundle: 'abc', actors: ['Counter'], tasks: [], workflows: [] });
        });
      };
    }
    return (call: ServerUnaryCall<never, object>, done: sendUnaryData<object>) => {
      const answer = this.unary[method]?.(call.request) ?? {};
      if (answer === silence) return;
      if (answer === broken) return done({ code: status.UNAVAILABLE, details: 'broken' });
      if (!('code' in answer)) return done(null, answer);
      const metadata = new Metadata();
      metadata.set('troupe-code', String(answer.code));
      done({ code: 9, details: 'as the test says', metadata });
    };
  }

  #open(stream: Stream): void {
    const number = this.#streams.push(stream);
    stream.on('error', () => undefined);
    stream.on('data', (request: OpenRequest) => {
      this.#frames += 1;
      for (const message of request.messages) {
        if ('hello' in message) {
          this.hellos.push(message.hello);
          if (this.welcome !== null) stream.write({ messages: [this.welcome] });
          continue;
        }
        this.#heard.push({ ...message, stream: number, frame: this.#frames });
        if ('call' in message) this.onAsk(message.call);
        if ('submit' in message) this.onAsk(message.submit);
      }
      for (const look of [...this.#waiting]) look();
    });
  }
}
