/**
 * How much memory a scheduler may use: Node stops at 4 GiB by itself, whatever the machine has. Half of the machine's
 * memory is for the schedulers on it, unless `NODE_OPTIONS` says a `--max-old-space-size`.
 */
import { totalmem } from 'node:os';

const mebibyte = 1024 * 1024;
const share = 0.5;
const mebibytesMin = 1_024;

interface Given {
  readonly kind: 'scheduler' | 'node';
  /** Schedulers on this machine. */
  readonly schedulers: number;
  /** `NODE_OPTIONS` of the process. */
  readonly options: string | undefined;
  /** Bytes of memory that this machine, or container, has. */
  readonly memory?: number;
}

/** Arguments of Node, before the program. A node keeps little: its runners have limits of their own. */
export function heapFlags({
  kind,
  schedulers,
  options = '',
  memory = memoryHere(),
}: Given): string[] {
  if (kind === 'node' || /--max[-_]old[-_]space[-_]size/.test(options)) return [];
  const each = Math.floor((memory * share) / mebibyte / Math.max(1, schedulers));
  return [`--max-old-space-size=${Math.max(mebibytesMin, each)}`];
}

function memoryHere(): number {
  const constrained = process.constrainedMemory();
  // Where nothing is constrained it is 0, or more than there is.
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
