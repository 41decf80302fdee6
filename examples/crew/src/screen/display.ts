/** What the job tells the person who watches. */
import type { Progress } from '../job/progress.ts';

export interface Display {
  /** Something notable happened; stays to be read. */
  event(line: string): void;
  /** The latest standing; a terminal redraws it in place, a pipe sees some of it. */
  show(progress: Progress): void;
  /** Takes what is drawn in place away, and draws no more, so that others may write. */
  hold(): void;
  /** Draws again. */
  release(): void;
}
