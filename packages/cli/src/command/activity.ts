/** What goes on at an actor or an attempt, in words. */
import type { ActorActivity, ProgressView } from '@troupe/model';
import { duration } from '../terminal/duration.ts';

export function progressText(progress: ProgressView | undefined): string {
  if (progress === undefined) return '';
  const { share, text, agoMs } = progress;
  const percent = `${Math.floor(share * 100)} %`;
  const said = text === undefined ? percent : `${percent}, ${text}`;
  return agoMs < 1_000 ? said : `${said} (${duration(agoMs)} ago)`;
}

export function activityLines({ inMemory, queued, turn }: ActorActivity): string[] {
  const lines: string[] = [];
  if (turn === undefined) lines.push(inMemory ? 'is idle, in memory' : 'is idle, not in memory');
  else {
    const { method, forMs, progress } = turn;
    const doing =
      forMs === undefined
        ? `waits for a signal in ${method}`
        : `runs ${method} for ${duration(forMs)}`;
    lines.push(progress === undefined ? doing : `${doing}: ${progressText(progress)}`);
  }
  if (queued > 0) lines.push(`${queued} wait for it`);
  return lines;
}
