/**
 * One stream of a session, from its hello to its end. What is pushed in one turn of the event loop
 * travels as one frame; while the stream is full, frames wait here.
 *
 * L1  nothing but the hello is written before the welcome.
 * L2  a link ends once; what is pushed afterwards is dropped, for its session asks again elsewhere.
 */
import { TroupeError, troupeError, version, versionsAgree } from '@troupe/model';
import type { Platform } from '../platform.ts';
import type { Door, SessionStream } from '../wire/door.ts';
import { failureOfMessage } from '../wire/failures.ts';
import type {
  ClientMessage,
  ErrorMessage,
  OpenResponse,
  ResultMessage,
  ServerMessage,
} from '../wire/messages.ts';

/** A frame is closed when its payloads reach this. */
const frameBytesMax = 1024 * 1024;
const welcomeMs = 5_000;

export interface LinkEvents {
  readonly onWelcome: () => void;
  readonly onResult: (result: ResultMessage) => void;
  /** `fatal`: asking again cannot help. */
  readonly onEnd: (reason: TroupeError, fatal: boolean) => void;
}

export class Link {
  readonly #stream: SessionStream;
  readonly #platform: Platform;
  readonly #events: LinkEvents;
  readonly #address: string;
  readonly #cancelWelcome: () => void;
  #queue: ClientMessage[] = [];
  #scheduled = false;
  #blocked = false;
  #welcomed = false;
  #ended = false;

  constructor(
    { door, platform }: { readonly door: Door; readonly platform: Platform },
    hello: { readonly session: string; readonly tenant: string },
    events: LinkEvents,
  ) {
    this.#events = events;
    this.#platform = platform;
    this.#address = door.address;
    this.#stream = door.openSession();
    this.#stream.on('data', (response: OpenResponse) => {
      for (const message of response.messages) this.#onMessage(message);
    });
    this.#stream.on('drain', () => {
      this.#blocked = false;
      this.#flush();
    });
    this.#stream.on('error', (error: Error) => this.#end(this.#broken(error.message)));
    this.#stream.on('end', () => this.#end(this.#broken('the gateway ended the session')));
    this.#cancelWelcome = platform.after(welcomeMs, () => {
      this.#end(this.#broken(`no welcome within ${welcomeMs} ms`));
    });
    this.#stream.write({ messages: [{ hello: { ...hello, version } }] });
  }

  push(message: ClientMessage): void {
    this.#queue.push(message);
    if (this.#scheduled || this.#blocked) return;
    this.#scheduled = true;
    this.#platform.soon(this.#flush);
  }

  /** Writes what waits and ends the stream from this side. */
  close(): void {
    if (this.#ended) return;
    this.#flush();
    this.#ended = true;
    this.#cancelWelcome();
    this.#stream.end();
    this.#stream.cancel();
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    while (this.#queue.length > 0 && !this.#blocked && !this.#ended) {
      this.#blocked = !this.#stream.write({ messages: this.#frame() });
    }
  };

  /** The messages of the next frame, taken from the queue. */
  #frame(): readonly ClientMessage[] {
    let bytes = 0;
    let count = 0;
    for (const message of this.#queue) {
      if (count > 0 && bytes > frameBytesMax) break;
      if ('call' in message) bytes += message.call.args.length;
      if ('submit' in message) bytes += message.submit.input.length;
      count += 1;
    }
    if (count < this.#queue.length) return this.#queue.splice(0, count);
    const all = this.#queue;
    this.#queue = [];
    return all;
  }

  #onMessage(message: ServerMessage): void {
    if (this.#ended) return;
    if (message.result) this.#events.onResult(message.result);
    else if (message.welcome) this.#onWelcome(message.welcome.version);
    else if (message.refused) this.#onRefused(message.refused);
  }

  #onWelcome(theirs: string): void {
    if (!versionsAgree(version, theirs)) {
      const what = `the cluster at ${this.#address} has version ${theirs}, this client ${version}`;
      this.#end(troupeError('VERSION_MISMATCH', what), true);
      return;
    }
    this.#welcomed = true;
    this.#cancelWelcome();
    this.#events.onWelcome();
  }

  #onRefused(error: ErrorMessage): void {
    const reason = new TroupeError(failureOfMessage(error));
    this.#end(reason, !reason.retryable);
  }

  #broken(why: string): TroupeError {
    const state = this.#welcomed ? 'the session broke' : 'no session could be opened';
    return troupeError('UNAVAILABLE', `${state} at ${this.#address}: ${why}`, {
      address: this.#address,
    });
  }

  #end(reason: TroupeError, fatal = false): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelWelcome();
    this.#stream.cancel();
    this.#events.onEnd(reason, fatal);
  }
}
