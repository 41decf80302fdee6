/** Memory and handles of every process, from /proc; nothing is sampled where there is none. */
import { readdirSync, readFileSync } from 'node:fs';
import type { HistoryWriter } from '../history/history.ts';
import type { Stage } from './stage.ts';

const everyMs = 5_000;

export function startSampling({ warden }: Stage, writer: HistoryWriter): () => void {
  const sample = async () => {
    const at = writer.now();
    for (const member of warden.members) {
      const pid = await member.pid().catch(() => undefined);
      const seen = pid === undefined ? undefined : seenOf(pid);
      if (seen !== undefined) writer.write({ kind: 'sample', at, process: member.name, ...seen });
    }
  };
  const timer = setInterval(() => void sample(), everyMs);
  return () => clearInterval(timer);
}

function seenOf(pid: number): { memoryMb: number; handles: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kilobytes = /VmRSS:\s+(\d+)/.exec(status)?.[1];
    if (kilobytes === undefined) return undefined;
    const handles = readdirSync(`/proc/${pid}/fd`).length;
    return { memoryMb: Math.round(Number(kilobytes) / 1024), handles };
  } catch {
    // It has just ended, or there is no /proc.
    return undefined;
  }
}
