/** What the command's exit code means; the help text prints this table. */
import { type ErrorCode, TroupeError } from '@troupe/model';

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  interrupted: 130,
} as const;

export const exitCodeHelp = `
Exit codes:
  0    done
  1    the request failed; standard error says \`CODE: message\`
  2    wrong usage or configuration, such as a port in use
  3    the cluster (or its etcd or NATS) cannot be reached
  130  interrupted by Ctrl-C`;

/** What was typed is wrong; nothing was asked of any cluster. */
export class UsageError extends Error {}

/** What was configured cannot be used, here or by anybody. */
const wronglySet: ReadonlySet<ErrorCode> = new Set(['CONFIG_INVALID', 'PORT_IN_USE']);

const unreachable: ReadonlySet<ErrorCode> = new Set([
  'UNAVAILABLE',
  'ETCD_UNREACHABLE',
  'NATS_UNREACHABLE',
]);

export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof UsageError) return exitCodes.usage;
  if (!(thrown instanceof TroupeError)) return exitCodes.failed;
  if (wronglySet.has(thrown.code)) return exitCodes.usage;
  return unreachable.has(thrown.code) ? exitCodes.unreachable : exitCodes.failed;
}
