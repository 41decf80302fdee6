/** How a node process ends; whoever started it decides by this whether to start another. */
import type { Failure } from '@troupe/model';

export const exitCodes = {
  /** It was asked to end. What was not handed over in time is taken over by failover. */
  done: 0,
  /** A bug, or a refusal that none of the others names. */
  bug: 1,
  badConfig: 2,
  /** etcd or NATS cannot be reached, or cannot carry a cluster. */
  noServers: 3,
  /** Fenced off: start it anew, it becomes another incarnation. */
  fenced: 4,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The exit code of a start that failed. */
export function exitCodeOf(why: Failure): ExitCode {
  switch (why.code) {
    case 'CONFIG_INVALID':
      return exitCodes.badConfig;
    case 'ETCD_UNREACHABLE':
    case 'NATS_UNREACHABLE':
    case 'NATS_UNSUITABLE':
      return exitCodes.noServers;
    case 'DEPOSED':
      return exitCodes.fenced;
    default:
      return exitCodes.bug;
  }
}
