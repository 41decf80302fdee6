/**
 * The cluster that is put under faults, and what they need of it.
 *
 * F2  two faults at once never hold the same process.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type ClusterView, failureOf, TroupeError } from '@troupe/model';
import type { Troupe } from '@troupe/sdk';
import { isRunning } from '../local/identity.ts';
import { readRecord, type UpRecord } from '../local/state-file.ts';

export interface Scene {
  readonly dataDir: string;
  readonly cell: string;
  readonly troupe: Troupe;
  /** Names of the processes that a fault holds (F2). */
  readonly held: Set<string>;
  /** The person wants it to end: what was begun is undone, nothing more is begun. */
  readonly stop: AbortSignal;
  /** A line for the person, as things happen. */
  say(line: string): void;
  /** What goes on at present; the next one takes its place. */
  show(line: string): void;
}

const connectMs = 5_000;
/** Whoever does not answer in this time does not answer. */
const answerMsMax = 1_000;

/** The record of the `troupe up` that runs in the folder; an error when none does. */
export function recordOf(dataDir: string): UpRecord {
  const record = readRecord(dataDir);
  if (record !== undefined && isRunning(record)) return record;
  throw new TroupeError({
    code: 'WRONG_STATE',
    message: `nothing is up in ${dataDir}; start a cluster with \`troupe up\``,
  });
}

/** Connects to the cluster that is up in the folder; the usual errors when none is, or no leader. */
export async function connectTo(dataDir: string): Promise<{ troupe: Troupe; cell: string }> {
  const record = recordOf(dataDir);
  // Loaded only by commands that need it: help stays quick.
  const { connect } = await import('@troupe/sdk');
  try {
    return {
      troupe: await connect({ address: record.address, connectMs }),
      cell: record.cell,
    };
  } catch (cause) {
    const reason = failureOf(cause);
    throw new TroupeError({
      ...reason,
      message: `${reason.message}; a cluster that is whole takes faults, this one is not`,
    });
  }
}

/** What the leader says; absent when none answers. */
export async function viewOf({ troupe }: Pick<Scene, 'troupe'>): Promise<ClusterView | undefined> {
  const given = new AbortController();
  try {
    return await Promise.race([
      troupe.status(),
      pause(answerMsMax, undefined, { signal: given.signal }),
    ]);
  } catch {
    // No leader: whoever asks counts how long.
    return undefined;
  } finally {
    given.abort();
  }
}

/** True when the time went by, false when the person wanted an end before. */
export async function rested(ms: number, stop: AbortSignal): Promise<boolean> {
  try {
    await pause(ms, undefined, { signal: stop });
    return true;
  } catch {
    // Only the signal ends a pause early.
    return false;
  }
}
