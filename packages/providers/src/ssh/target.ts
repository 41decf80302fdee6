/** Where a machine is reached, and by what. */
import { troupeError } from '@troupe/model';
import { z } from 'zod';

/** A machine that is reached by ssh; also what is remembered of it. */
export const sshMachine = z.object({
  user: z.string(),
  host: z.string(),
  port: z.number(),
  /** The private key; what ssh finds by itself when absent. */
  keyFile: z.string().optional(),
  /** Folder there that holds everything; below the home folder unless it is absolute. */
  folder: z.string(),
  /** The program there that is Node.js. */
  program: z.string(),
});

export type SshMachine = z.infer<typeof sshMachine>;

export const folderDefault = '.troupe';

/** Reads `user@host`, `user@host:port`, `user@[address]:port`. */
export function readTarget(text: string): Pick<SshMachine, 'user' | 'host' | 'port'> {
  const match = /^([\w.][\w.-]*)@(?:\[([0-9A-Fa-f:.%\w]+)\]|([\w][\w.-]*))(?::(\d{1,5}))?$/.exec(
    text,
  );
  const [, user, address, name, port = '22'] = match ?? [];
  const host = address ?? name;
  if (user === undefined || host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw troupeError('INVALID_ARGUMENT', `${JSON.stringify(text)} is not user@host[:port]`);
  }
  return { user, host, port: Number(port) };
}

export function placeOf({ user, host, port }: Pick<SshMachine, 'user' | 'host' | 'port'>): string {
  const shown = host.includes(':') ? `[${host}]` : host;
  return port === 22 ? `${user}@${shown}` : `${user}@${shown}:${port}`;
}
