/** Moments at which a fault does most harm: whoever lies in wait for one hears when it has come. */
export const momentNames = [
  'append',
  'rest of a batch',
  'seal',
  'image',
  'takeover',
  'restore',
  'released',
  'rebased',
  'place arrives',
  'drain arrives',
  'run-task arrives',
  'call arrives',
] as const;

/** Those of an actor on its way to another node. */
export const migrationMoments = ['prepare arrives', 'prepared arrives', 'released'] as const;

export type Moment = (typeof momentNames)[number] | (typeof migrationMoments)[number];

type Ambush = (host: string) => void;

export class Moments {
  readonly #waiting = new Map<string, Ambush[]>();

  /** Once, at the next moment of this name. */
  await(moment: Moment, strike: Ambush): void {
    this.#waiting.set(moment, [...(this.#waiting.get(moment) ?? []), strike]);
  }

  tell(moment: string, host: string): void {
    const waiting = this.#waiting.get(moment);
    if (waiting === undefined) return;
    this.#waiting.delete(moment);
    for (const strike of waiting) strike(host);
  }
}
