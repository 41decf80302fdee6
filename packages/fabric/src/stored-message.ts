/** One message of a stream, asked of whichever server answers, or of the one that leads the stream. */
import type { Bytes } from '@troupe/model';
import { ErrorCode, type MsgHdrs, NatsError } from 'nats';
import type { NatsLink } from './nats-connection.ts';

const readMs = 2_000;

export interface Stored {
  readonly revision: number;
  readonly header: MsgHdrs;
  readonly body: Bytes;
}

export function directLast(link: NatsLink, stream: string, subject: string): Promise<Stored> {
  return direct(link, `${stream}.${subject}`, '');
}

export function directNumbered(link: NatsLink, stream: string, seq: number): Promise<Stored> {
  return direct(link, stream, JSON.stringify({ seq }));
}

/** From whichever server answers: right only where there is but one copy. */
async function direct(link: NatsLink, of: string, which: string): Promise<Stored> {
  const message = await link.connection.request(`$JS.API.DIRECT.GET.${of}`, which, {
    timeout: readMs,
  });
  const header = message.headers;
  const revision = Number(header?.get('Nats-Sequence') ?? '');
  if (header !== undefined && header.code === 0 && revision > 0) {
    return { revision, header, body: message.data };
  }
  // A status line in place of a message.
  const code = header?.code === 404 ? ErrorCode.JetStream404NoMessages : ErrorCode.Unknown;
  throw new NatsError(header?.description ?? 'no answer to a direct get', code);
}

export async function leaderLast(link: NatsLink, stream: string, subject: string): Promise<Stored> {
  const message = await link.jsm.streams.getMessage(stream, { last_by_subj: subject });
  return { revision: message.seq, header: message.header, body: message.data };
}

export async function leaderNumbered(
  link: NatsLink,
  stream: string,
  revision: number,
): Promise<Stored> {
  const message = await link.jsm.streams.getMessage(stream, { seq: revision });
  return { revision: message.seq, header: message.header, body: message.data };
}
