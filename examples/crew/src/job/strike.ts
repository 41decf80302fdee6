/**
 * The strike: the node that holds the librarian is killed with SIGKILL, and the time is taken until
 * the librarian answers again from another node.
 *
 * S1  the question is sent after the node is dead: whoever answers has the state from the log.
 */
import type { Cluster, Process } from '@troupe/cli';
import type { Troupe } from '@troupe/sdk';
import { Librarian } from '../agents.ts';
import type { Count, KillReport } from './progress.ts';

/** Share of the documents read at which the strike falls. */
export const strikeAt = 0.4;
const recoveryMsMax = 120_000;

export interface Target {
  readonly troupe: Troupe;
  readonly cluster: Cluster;
  readonly team: string;
}

export async function strike(
  target: Target,
  at: Count,
  onKilled: (report: KillReport) => void,
): Promise<KillReport> {
  const { troupe, team } = target;
  const { documents: known } = await troupe.actor(Librarian, team).size();
  const node = await librarianNode(target);
  if (node === undefined) throw new Error(`the librarian "${team}" is on no node of this cluster`);
  const killedAt = performance.now();
  node.kill('SIGKILL');
  await node.exited;
  const report: KillReport = { node: node.name, pid: node.pid, at, known };
  onKilled(report);
  const size = await troupe.actor(Librarian, team, { deadlineMs: recoveryMsMax }).size();
  const ms = performance.now() - killedAt;
  const successor = await librarianNode(target);
  return {
    ...report,
    recovery: { ms, known: size.documents, node: successor?.name ?? 'an unknown node' },
  };
}

/** The process on which the librarian lives now. */
export async function librarianNode(target: Target): Promise<Process | undefined> {
  const { actors } = await target.troupe.actors({
    type: Librarian.name,
    prefix: target.team,
    limit: 10,
  });
  const view = actors.find(({ actor }) => actor.endsWith(`/${Librarian.name}/${target.team}`));
  return target.cluster.nodes.find(({ incarnation }) => incarnation === view?.node);
}
