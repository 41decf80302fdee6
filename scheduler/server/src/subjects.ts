/** Subjects between scheduler processes only; all of them lie under the leader's. */
import type { Names } from '@troupe/fabric';

export interface SchedulerSubjects {
  /** Every scheduler says here, each second, that it is there. */
  readonly presence: string;
  /** To the leader: an image was written. */
  readonly images: string;
  /** Asked of one scheduler: do you live, and lead? */
  alive(name: string): string;
}

export function schedulerSubjects(names: Names): SchedulerSubjects {
  return {
    presence: `${names.leader}.presence`,
    images: `${names.leader}.images`,
    alive: (name) => `${names.leader}.alive.${name}`,
  };
}
