/** What the broker itself tells of connections that ended: a hint to look, never a proof of death. */
import type { NatsLink } from './nats-connection.ts';
import { textOf } from './nats-errors.ts';

export interface DisconnectNotice {
  /** The incarnation or scheduler whose connection it was. */
  readonly name: string;
  /** Which of its connections: `log`, `store`, `bus`, `beats`, `witness`. */
  readonly role: string;
  readonly reason: string;
}

/** Needs a connection as a user of the system account. */
export function watchDisconnects(
  link: NatsLink,
  on: (notice: DisconnectNotice) => void,
): { stop(): void } {
  const subscription = link.connection.subscribe('$SYS.ACCOUNT.*.DISCONNECT', {
    callback(error, message) {
      try {
        if (error !== null) throw error;
        const notice = parseNotice(message.json<unknown>());
        if (notice !== undefined) on(notice);
      } catch (cause) {
        link.logger.error({ cause: textOf(cause) }, 'a disconnect notice could not be handled');
      }
    },
  });
  return { stop: () => subscription.unsubscribe() };
}

/** Undefined for connections that are not ours: they have no name of ours. */
function parseNotice(event: unknown): DisconnectNotice | undefined {
  const { client, reason } = asFields(event);
  const fullName = asFields(client)['name'];
  if (typeof fullName !== 'string') return undefined;
  const [name, role] = fullName.split(' ');
  if (name === undefined || name === '' || role === undefined) return undefined;
  return { name, role, reason: typeof reason === 'string' ? reason : 'unknown' };
}

function asFields(value: unknown): { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
