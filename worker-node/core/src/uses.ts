/**
 * What the turns of an actor have used on this node since it was placed here, for whoever looks: counted as
 * they end, and gone with the node.
 */
import type { ActorUse, Bytes, OutgoingSend, TurnUse } from '@troupe/model';
import type { Activation, Turn } from './activation.ts';
import type { Core } from './core.ts';

interface Done {
  readonly cpuMs?: number;
  readonly delta?: Bytes;
  readonly sends: readonly OutgoingSend[];
}

type Totals = { -readonly [K in keyof Omit<ActorUse, 'last' | 'stateBytes'>]: ActorUse[K] };

interface Kept extends Totals {
  last: TurnUse | undefined;
  stateBytes: number | undefined;
}

export class Uses {
  readonly #core: Core;
  readonly #kept = new WeakMap<Activation, Kept>();

  constructor(core: Core) {
    this.#core = core;
  }

  of(activation: Activation): ActorUse | undefined {
    const kept = this.#kept.get(activation);
    if (kept === undefined) return undefined;
    const { last, stateBytes, ...totals } = kept;
    return {
      ...totals,
      cpuMs: Math.round(totals.cpuMs * 1_000) / 1_000,
      ...(last === undefined ? {} : { last }),
      ...(stateBytes === undefined ? {} : { stateBytes }),
    };
  }

  /** A turn or read has ended well or badly; `replyBytes` is what it answers. */
  ended(
    { activation, input, read, startedAt }: Turn,
    { cpuMs, delta, sends }: Done,
    replyBytes: number,
  ) {
    const kept = this.#of(activation);
    const inBytes = input.args.length;
    const outBytes = sends.reduce((sum, { args }) => sum + args.length, replyBytes);
    const stateBytes = delta?.length ?? 0;
    if (read) kept.reads += 1;
    else kept.turns += 1;
    if (cpuMs === undefined) kept.unmeasured += 1;
    else kept.cpuMs += Math.max(0, cpuMs);
    kept.inBytes += inBytes;
    kept.outBytes += outBytes;
    kept.deltaBytes += stateBytes;
    if (read) return;
    kept.last = {
      method: input.method,
      tookMs: Math.max(0, Math.round(this.#core.now - startedAt)),
      ...(cpuMs === undefined ? {} : { cpuMs }),
      inBytes,
      outBytes,
      deltaBytes: stateBytes,
    };
  }

  /** The state was given or taken whole. */
  isOf(activation: Activation, stateBytes: number): void {
    this.#of(activation).stateBytes = stateBytes;
  }

  #of(activation: Activation): Kept {
    const known = this.#kept.get(activation);
    if (known !== undefined) return known;
    const kept: Kept = {
      turns: 0,
      reads: 0,
      cpuMs: 0,
      unmeasured: 0,
      inBytes: 0,
      outBytes: 0,
      deltaBytes: 0,
      last: undefined,
      stateBytes: undefined,
    };
    this.#kept.set(activation, kept);
    return kept;
  }
}
