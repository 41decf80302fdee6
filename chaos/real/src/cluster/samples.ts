/** Memory and handles of every process, from /proc; nothing is sampled where there is none. */
import { readdirSync, readFileSync } from 'node:fs';
import type { HistoryWriter } from '../history/history.ts';
import type { Stage } from './stage.ts';

const everyMs = 5_000;

export function startSampling({ servers, cluster }: Stage, writer: HistoryWriter): () => void {
  const sample = () => {
    const at = writer.now();
    const all = [...servers.servers.processes, ...cluster.schedulers, ...cluster.nodes];
    for (const { name, pid, running } of all) {
      const seen = running ? seenOf(pid) : undefined;
      if (seen !== undefined) writer.write({ kind: 'sample', at, process: name, ...seen });
    }
  };
  const timer = setInterval(sample, everyMs);
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
