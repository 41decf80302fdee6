/**
 * What tasks of a type really use, beside what they declare, and how far off the estimates of their
 * durations were. A type is a name within a bundle, given as one key.
 *
 * N1  a use is judged only after `samplesMin` measurements, and a proposal covers the stated share of
 *     the latest with a margin: it is never below what was measured for that share.
 * N2  an estimate is judged by the duration that came after it, never by one that it was made from.
 * N3  types are bounded by `typesMax`; the one that ended an attempt longest ago is forgotten first.
 */
import type { ResourceDemand, Resources } from '@troupe/model';
import { Latest } from './latest.ts';

export interface DemandTerms {
  readonly samplesMin: number;
  /** Attempts that are remembered. */
  readonly latestMax: number;
  /** Share of the attempts that a proposal covers, and what is added to it. */
  readonly coveredShare: number;
  readonly marginShare: number;
  /** A declaration within these factors of the proposal is left alone. */
  readonly overFactor: number;
  readonly underFactor: number;
  readonly typesMax: number;
}

export const demandTerms: DemandTerms = {
  samplesMin: 20,
  latestMax: 100,
  coveredShare: 0.95,
  marginShare: 0.1,
  overFactor: 2,
  underFactor: 1,
  typesMax: 10_000,
};

/** One attempt that has ended: what it declared and, as far as measured, its peak use. */
export interface Attempt {
  readonly type: string;
  readonly declared: Resources;
  readonly used: Resources;
  readonly tookMs: number;
}

export interface Finding {
  readonly type: string;
  readonly resource: string;
  readonly fault: 'over-declared' | 'under-declared';
  readonly declared: number;
  readonly measured: number;
  readonly proposed: number;
  /** For people. */
  readonly reason: string;
}

export interface DurationFigures {
  readonly type: string;
  readonly attempts: number;
  readonly expectedMs: number;
  /** Attempts that an estimate was compared with. */
  readonly judged: number;
  /** Mean of |estimate - duration| as a share of the duration's mean. */
  readonly errorShare: number;
  /** Mean of estimate - duration, likewise: above 0 the estimates are too long. */
  readonly biasShare: number;
}

interface Known {
  attempts: number;
  expectedMs: number;
  judged: number;
  errorMs: number;
  biasMs: number;
  tookMs: number;
  declared: Resources;
  readonly uses: Map<string, Latest>;
}

const firstGuessMs = 100;
/** Weight of the latest duration. */
const latestWeight = 0.2;

export class Demands {
  readonly #terms: DemandTerms;
  readonly #types = new Map<string, Known>();

  constructor(terms: DemandTerms = demandTerms) {
    this.#terms = terms;
  }

  /** How long an attempt of this type is expected to run. */
  expectedMs(type: string): number {
    return Math.max(this.#types.get(type)?.expectedMs ?? firstGuessMs, 1);
  }

  ended({ type, declared, used, tookMs }: Attempt): void {
    if (!Number.isFinite(tookMs) || tookMs < 0) return;
    const known = this.#known(type);
    known.declared = declared;
    this.#judge(known, tookMs);
    for (const [name, value] of Object.entries(used)) {
      if (!Number.isFinite(value) || value < 0) continue;
      let latest = known.uses.get(name);
      if (latest === undefined) {
        latest = new Latest(this.#terms.latestMax);
        known.uses.set(name, latest);
      }
      latest.add(value);
    }
  }

  /** What is declared wrongly, of one type or of all, the worst first. */
  findings(type?: string): readonly Finding[] {
    const types = type === undefined ? [...this.#types.keys()] : [type];
    const found = types.flatMap((one) => this.#findingsOf(one));
    return found.sort((left, right) => severity(right) - severity(left) || order(left, right));
  }

  durations(type: string): DurationFigures | undefined {
    const known = this.#types.get(type);
    if (known === undefined) return undefined;
    const { attempts, judged, errorMs, biasMs, tookMs } = known;
    const total = Math.max(tookMs, Number.MIN_VALUE);
    return {
      type,
      attempts,
      expectedMs: this.expectedMs(type),
      judged,
      errorShare: judged === 0 ? 0 : errorMs / total,
      biasShare: judged === 0 ? 0 : biasMs / total,
    };
  }

  types(): readonly string[] {
    return [...this.#types.keys()];
  }

  /** What is declared of each resource, or used of it, by its name. */
  resources(type: string): readonly ResourceDemand[] {
    const known = this.#types.get(type);
    if (known === undefined) return [];
    const names = new Set([...Object.keys(known.declared), ...known.uses.keys()]);
    return [...names].sort().map((resource): ResourceDemand => {
      const declared = known.declared[resource] ?? 0;
      const latest = known.uses.get(resource);
      if (latest === undefined) return { resource, declared, samples: 0, p50: 0, p95: 0 };
      const samples = latest.count;
      const { coveredShare } = this.#terms;
      const [p50 = 0, p95 = 0, measured = 0] = latest.quantiles(0.5, 0.95, coveredShare);
      const figures = { samples, p50, p95 };
      if (samples < this.#terms.samplesMin) return { resource, declared, ...figures };
      const { proposed, fault } = this.#judgeUse(declared, measured);
      return {
        resource,
        declared,
        ...figures,
        proposed,
        ...(fault === undefined ? {} : { fault }),
      };
    });
  }

  #known(type: string): Known {
    const known = this.#types.get(type) ?? {
      attempts: 0,
      expectedMs: firstGuessMs,
      judged: 0,
      errorMs: 0,
      biasMs: 0,
      tookMs: 0,
      declared: {},
      uses: new Map(),
    };
    this.#types.delete(type);
    this.#types.set(type, known);
    if (this.#types.size > this.#terms.typesMax) {
      for (const oldest of this.#types.keys()) {
        this.#types.delete(oldest);
        break;
      }
    }
    return known;
  }

  /** N2: the first duration only makes an estimate. */
  #judge(known: Known, tookMs: number): void {
    known.attempts++;
    if (known.attempts === 1) {
      known.expectedMs = tookMs;
      return;
    }
    const off = known.expectedMs - tookMs;
    known.judged++;
    known.errorMs += Math.abs(off);
    known.biasMs += off;
    known.tookMs += tookMs;
    known.expectedMs -= latestWeight * off;
  }

  #findingsOf(type: string): readonly Finding[] {
    const known = this.#types.get(type);
    const found: Finding[] = [];
    for (const [resource, latest] of known?.uses ?? []) {
      const declared = known?.declared[resource] ?? 0;
      if (latest.count < this.#terms.samplesMin) continue;
      const [measured = 0] = latest.quantiles(this.#terms.coveredShare);
      const { proposed, fault } = this.#judgeUse(declared, measured);
      if (fault === undefined) continue;
      const reason =
        `${type} declares ${resource} ${declared}, and ` +
        `${Math.round(this.#terms.coveredShare * 100)} % of the latest ${latest.count} attempts ` +
        `used at most ${readable(measured)}; declare ${proposed}`;
      found.push({ type, resource, fault, declared, measured, proposed, reason });
    }
    return found;
  }

  /** N1: asked only when there are enough measurements. */
  #judgeUse(declared: number, measured: number) {
    const { marginShare, overFactor, underFactor } = this.#terms;
    const proposed = roundedUp(measured * (1 + marginShare));
    const isUnder = measured > declared * underFactor;
    const isOver = declared > proposed * overFactor;
    const fault: Finding['fault'] | undefined = isUnder
      ? 'under-declared'
      : isOver
        ? 'over-declared'
        : undefined;
    return { proposed, fault };
  }
}

/** To two digits that count, never down. */
function roundedUp(value: number): number {
  if (value <= 0) return 0;
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Number((Math.ceil(value / unit - 1e-9) * unit).toPrecision(2));
}

function readable(value: number): string {
  return `${Number(value.toPrecision(3))}`;
}

/** How many times too much or too little. */
function severity({ declared, proposed }: Finding): number {
  const least = Number.MIN_VALUE;
  return Math.abs(Math.log(Math.max(declared, least) / Math.max(proposed, least)));
}

function order(left: Finding, right: Finding): number {
  const leftKey = `${left.type} ${left.resource}`;
  const rightKey = `${right.type} ${right.resource}`;
  return leftKey < rightKey ? -1 : leftKey > rightKey ? 1 : 0;
}
