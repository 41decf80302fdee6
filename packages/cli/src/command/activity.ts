/** What goes on at an actor or an attempt, in words. */
import type { ActorActivity, ActorUse, ProgressView } from '@troupe/model';
import { duration } from '../terminal/duration.ts';

export function progressText(progress: ProgressView | undefined): string {
  if (progress === undefined) return '';
  const { share, text, agoMs } = progress;
  const percent = `${Math.floor(share * 100)} %`;
  const said = text === undefined ? percent : `${percent}, ${text}`;
  return agoMs < 1_000 ? said : `${said} (${duration(agoMs)} ago)`;
}

export function activityLines({ inMemory, queued, turn, use, restoring }: ActorActivity): string[] {
  const lines: string[] = [];
  if (restoring !== undefined) {
    const at = restoring.at === '' ? '' : `: ${restoring.at}`;
    lines.push(`is being read back for ${duration(restoring.forMs)}${at}`);
  } else if (turn === undefined)
    lines.push(inMemory ? 'is idle, in memory' : 'is idle, not in memory');
  else {
    const { method, forMs, progress } = turn;
    const doing =
      forMs === undefined
        ? `waits for a signal in ${method}`
        : `runs ${method} for ${duration(forMs)}`;
    lines.push(progress === undefined ? doing : `${doing}: ${progressText(progress)}`);
  }
  if (queued > 0) lines.push(`${queued} wait for it`);
  if (use !== undefined) lines.push(...useLines(use));
  return lines;
}

function useLines({ turns, reads, cpuMs, unmeasured, last, stateBytes, ...bytes }: ActorUse) {
  const measured = unmeasured === 0 ? '' : ` (${unmeasured} not measured)`;
  const state = stateBytes === undefined ? '' : `, state ${sizeOf(stateBytes)}`;
  const lines = [
    `here ${turns} turns and ${reads} reads: cpu ${duration(cpuMs)}${measured}${state}`,
    `in ${sizeOf(bytes.inBytes)}, out ${sizeOf(bytes.outBytes)}, changed ${sizeOf(bytes.deltaBytes)}`,
  ];
  if (last === undefined) return lines;
  const cpu = last.cpuMs === undefined ? '' : `, cpu ${duration(last.cpuMs)}`;
  return [...lines, `last ${last.method}: ${duration(last.tookMs)}${cpu}`];
}

export function sizeOf(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const kibibytes = bytes / 1_024;
  return kibibytes < 1_024
    ? `${kibibytes.toFixed(1)} KiB`
    : `${(kibibytes / 1_024).toFixed(1)} MiB`;
}
