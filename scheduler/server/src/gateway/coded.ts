/**
 * Failures on the wire: the gRPC status of the table, the code in the metadata `troupe-code` and
 * the details as JSON in `troupe-details`. Every handler is wrapped once, here.
 *
 * G1  a handler that throws or rejects always answers with a coded error.
 */
import {
  Metadata,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type StatusObject,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { Logger } from '@troupe/fabric';
import { errorTable, type Failure, failureOf, troupeError } from '@troupe/model';
import type { Gateway } from './gateway.ts';
import { type ErrorMessage, malformed } from './wire.ts';

export function errorMessage(reason: Failure): ErrorMessage {
  return {
    code: reason.code,
    message: reason.message,
    detailsJson: reason.details === undefined ? '' : JSON.stringify(reason.details),
  };
}

/** What grpc-js sends as the end of a call. */
export function statusOf(reason: Failure): Partial<StatusObject> {
  const metadata = new Metadata();
  metadata.set('troupe-code', reason.code);
  if (reason.details !== undefined) {
    metadata.set('troupe-details', asciiJson(reason.details));
  }
  return { code: errorTable[reason.code].status, details: reason.message.toWellFormed(), metadata };
}

/** Text metadata must be printable ASCII. */
function asciiJson(value: object): string {
  return JSON.stringify(value).replaceAll(/[^\x20-\x7e]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** So long before the client's own deadline it is told why, instead of just running out of time. */
const deadlineMarginMs = 100;

/** What a unary handler is given beside its request. */
export interface Asked<Req> {
  readonly request: Req;
  /** Monotonic ms until which the client waits; `undefined`: for ever. */
  readonly deadlineAt: number | undefined;
  /** Fires when the client no longer waits. */
  readonly signal: AbortSignal;
}

export function unary<Req, Res>(
  gateway: Gateway,
  handle: (asked: Asked<Req>) => Promise<Res>,
): (call: ServerUnaryCall<Req | typeof malformed, Res>, callback: sendUnaryData<Res>) => void {
  return (call, callback) => {
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort());
    const deadline = call.getDeadline();
    const at = deadline instanceof Date ? deadline.getTime() : deadline;
    const request = call.request;
    // It comes as a remaining time, which grpc-js makes a time of day: back at once.
    const leftMs = at - Date.now() - deadlineMarginMs;
    const deadlineAt = Number.isFinite(at) ? gateway.now() + leftMs : undefined;
    const answer = async (): Promise<Res> => {
      refuseOfAnotherTime(gateway);
      if (request === malformed) throw malformedRequest(call.getPath());
      return await handle({ request, deadlineAt, signal: gone.signal });
    };
    answer().then(
      (value) => callback(null, value),
      (thrown: unknown) => callback(statusOf(noted(gateway.logger, call.getPath(), thrown))),
    );
  };
}

export function clientStream<Req, Res>(
  gateway: Gateway,
  handle: (messages: AsyncIterable<Req>) => Promise<Res>,
): (call: ServerReadableStream<Req | typeof malformed, Res>, callback: sendUnaryData<Res>) => void {
  return (call, callback) => {
    const { logger } = gateway;
    // Without a listener a cancelled stream would end the process.
    call.on('error', (reason) => logger.debug({ reason: reason.message }, 'a client stream broke'));
    const answer = async (): Promise<Res> => {
      refuseOfAnotherTime(gateway);
      return await handle(wellFormed(call, call.getPath()));
    };
    answer().then(
      (value) => callback(null, value),
      (thrown: unknown) => callback(statusOf(noted(logger, call.getPath(), thrown))),
    );
  };
}

/** Answers with one message after the other, as fast as the client takes them. */
export function serverStream<Req, Res>(
  gateway: Gateway,
  handle: (request: Req) => AsyncIterable<Res>,
): (call: ServerWritableStream<Req | typeof malformed, Res>) => void {
  return (call) => {
    const { logger } = gateway;
    let gone = false;
    let taken = (): void => {};
    const leave = (): void => {
      gone = true;
      taken();
    };
    call.on('cancelled', leave);
    // Without a listener a broken stream would end the process.
    call.on('error', leave);
    call.on('drain', () => taken());
    const answer = async (): Promise<void> => {
      refuseOfAnotherTime(gateway);
      if (call.request === malformed) throw malformedRequest(call.getPath());
      for await (const message of handle(call.request)) {
        if (gone) return;
        if (call.write(message)) continue;
        await new Promise<void>((resolve) => {
          taken = resolve;
        });
      }
      if (!gone) call.end();
    };
    answer().catch((thrown: unknown) => {
      const reason = noted(logger, call.getPath(), thrown);
      if (!gone) call.emit('error', statusOf(reason));
    });
  };
}

async function* wellFormed<Req>(
  messages: AsyncIterable<Req | typeof malformed>,
  path: string,
): AsyncIterable<Req> {
  for await (const message of messages) {
    if (message === malformed) throw malformedRequest(path);
    yield message;
  }
}

function refuseOfAnotherTime({ standstill }: Gateway): void {
  if (!standstill.isOfAnotherTime()) return;
  const text = 'this gateway has stood still, and nobody knows how old the request is';
  throw troupeError('UNAVAILABLE', text);
}

function malformedRequest(path: string): Error {
  return troupeError('INVALID_ARGUMENT', `the request of ${path} is not the message expected`);
}

function noted(log: Logger, path: string, thrown: unknown): Failure {
  const reason = failureOf(thrown);
  if (reason.code === 'INTERNAL') log.error({ path, thrown }, 'a handler failed');
  return reason;
}
