/** A command's connection to the cluster. */
import { failureOf, TroupeError } from '@troupe/model';
import type { Troupe } from '@troupe/sdk';
import { exitCodes, UsageError } from './exit-code.ts';
import type { Settings } from './settings.ts';

/** A person waits: a cluster on the way up has this long to answer. */
const connectMs = 5_000;

/** Connects, does the work, and closes whatever comes. */
export async function withTroupe<T>(
  settings: Settings,
  work: (troupe: Troupe) => Promise<T>,
): Promise<T> {
  const interrupted = () => process.exit(exitCodes.interrupted);
  process.once('SIGINT', interrupted);
  try {
    const troupe = await open(settings);
    try {
      return await work(troupe);
    } finally {
      await troupe.close();
    }
  } finally {
    process.off('SIGINT', interrupted);
  }
}

/** Connects, or says what to do where nothing answers. */
async function open(settings: Settings): Promise<Troupe> {
  // Loaded only by commands that need it: help stays quick.
  const { connect } = await import('@troupe/sdk');
  const address = settings.address();
  try {
    return await connect({
      ...(address === undefined ? {} : { address }),
      tenant: settings.tenant,
      connectMs,
    });
  } catch (cause) {
    const reason = failureOf(cause);
    if (reason.code === 'INVALID_ARGUMENT') throw new UsageError(reason.message);
    if (reason.code !== 'UNAVAILABLE') throw cause;
    const where = address ?? '127.0.0.1:7411';
    throw new TroupeError({
      ...reason,
      message: `no cluster answers at ${where}; start one here with \`troupe up\`, or name another by --address`,
    });
  }
}
