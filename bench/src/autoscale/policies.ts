/**
 * The policies, each a model of our own of what is documented, with the parameters that are swept.
 *
 * static    so many workers throughout, known beforehand.
 * threshold the threshold rule of @troupe/scheduler-core: above/below a share in use, rests 60/300 s.
 * HPA       ceil(current x use / target), tolerance 0.1, every 15 s, starting workers count as unused
 *           on the way up, at most doubled or four more, the largest wish of 300 s on the way down.
 * KEDA      ceil((waiting + running) / target) every 30 s, the same downscale window.
 * Ray-like  one worker for each request that waits or runs, at most doubled (or five more) at once;
 *           a worker leaves when it has idled for so long.
 * forecast  the forecast rule of @troupe/scheduler-core, alone and beside what was at work lately.
 * oracle    the largest number of requests at once in the next 75 s, had nobody to wait.
 *
 * Each of them but static and oracle is also swept within bounds: a floor and a ceiling that an
 * operator would set, the same for all of them.
 */
import {
  forecastTerms,
  Group,
  type GroupTerms,
  smoothing,
  thresholdTerms,
} from '@troupe/scheduler-core/autoscale';
import { type Policy, type Seen, sizeMax, startSize, waitMaxS } from './replay.ts';
import type { Trace } from './trace.ts';

export interface Variant {
  readonly policy: string;
  readonly setting: string;
  readonly make: (trace: Trace) => Policy;
}

/** An operator's floor and ceiling. */
interface Bounds {
  readonly min: number;
  readonly max: number;
}

const firstGuessMs = 2_000;
const widest: Bounds = { min: 1, max: sizeMax };
const floors = [2, 3, 4, 5, 6, 7, 9, 11, 13, 15, 19, 22, 26, 30, 34, 38, 42, 46, 47, 49, 50, 52];

/** Every floor without a ceiling, with one close above it, and with one at twice of it. */
function narrower(): readonly Bounds[] {
  return floors.flatMap((min) =>
    [sizeMax, 2 * min, Math.ceil(1.25 * min)].map((max) => ({ min, max })),
  );
}

export function variants(): readonly Variant[] {
  const each = [widest, ...narrower()];
  return [
    ...steadyVariants(),
    ...[0.5, 0.6, 0.7, 0.8, 0.9].flatMap((upShare) =>
      [0.1, 0.25, 0.5, 1].flatMap((step) =>
        each.map((one) => thresholdVariant(upShare, step, one)),
      ),
    ),
    ...each.flatMap((one) => [
      ...[0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1].map((target) => hpaVariant(target, one)),
      ...[0.2, 0.33, 0.5, 0.7, 0.85, 1, 1.2, 1.5, 2].map((queue) => kedaVariant(queue, one)),
      ...[10, 30, 60, 120, 300, 600, 1_200].map((idleS) => rayVariant(idleS, one)),
    ]),
    ...forecastVariants(),
    { policy: 'oracle', setting: '75 s ahead', make: oracle },
  ];
}

/** As a setting says it; nothing where there are none to speak of. */
function saidOf({ min, max }: Bounds): string {
  const ceiling = max === sizeMax ? '' : ` max ${max}`;
  return `${min === widest.min ? '' : ` min ${min}`}${ceiling}`;
}

function steadyVariants(): readonly Variant[] {
  const sizes = [1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 36, 40, 44];
  const fine = [46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 58, 60, 65, 70, 80];
  return [...sizes, ...fine].map((count) => ({
    policy: 'static',
    setting: `${count}`,
    make: () => ({ size: () => count }),
  }));
}

function thresholdVariant(upShare: number, stepShare: number, bounds: Bounds): Variant {
  const threshold = { ...thresholdTerms, upShare, downShare: upShare * 0.375, stepShare };
  return {
    policy: 'threshold',
    setting: `${Math.round(upShare * 100)}/${Math.round(upShare * 37.5)} step ${stepShare}${saidOf(bounds)}`,
    make: (trace) => ofGroup(trace, { ...bounds, threshold }),
  };
}

const cautions = [
  0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 1, 1.1, 1.25, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6,
];
const thrifty = [-2, -1, -0.5, -0.25, 0];

interface Swept {
  readonly caution: number;
  readonly level: number;
  readonly holdS: number;
  readonly waitS: number;
  /** Members for each task at work lately; 0: the forecast alone. */
  readonly perTask: number;
  /** Asked every so many seconds, as HPA is every 15 and KEDA every 30. */
  readonly askedS: number;
}

const alone = { waitS: waitMaxS, perTask: 0, askedS: 1 };
const beside = { waitS: waitMaxS, perTask: 1, level: 0.1 };

function forecastVariants(): readonly Variant[] {
  return [
    ...withoutBounds().map((swept) => forecastVariant(swept, widest)),
    ...narrower().flatMap((one) => withinBounds.map((swept) => forecastVariant(swept, one))),
    ...[1, ...floors].map((size) => forecastVariant(pinned, { min: size, max: size })),
    ...between.map(([min, max, swept]) =>
      forecastVariant({ ...beside, caution: -2, askedS: 1, ...swept }, { min, max }),
    ),
  ];
}

function withoutBounds(): readonly Swept[] {
  const found: Swept[] = [];
  for (const level of [0.005, 0.02, 0.1, 0.4]) {
    for (const holdS of [0, 60, 300, 600]) {
      for (const caution of [...thrifty, ...cautions])
        found.push({ ...alone, caution, level, holdS });
    }
  }
  for (const caution of thrifty) {
    for (const waitS of [60, 120, 300, 900, 3_600, 14_400])
      found.push({ ...alone, caution, level: 0.005, holdS: 0, waitS });
  }
  return found;
}

/** The forecast alone, and with what was at work lately, with little forecast or some. */
const withinBounds: readonly Swept[] = [
  ...[0.005, 0.02].flatMap((level) =>
    [0, 60, 200, 300].flatMap((holdS) =>
      [0, 0.5, 1, 4].map((caution) => ({ ...alone, caution, level, holdS })),
    ),
  ),
  ...[-2, 0.5, 1].flatMap((caution) =>
    [10, 30, 60, 120, 160, 200, 300].flatMap((holdS) =>
      [1, 10, 30].map((askedS) => ({ ...beside, caution, holdS, askedS })),
    ),
  ),
];

/** Settings between those above, where these left one of another policy unbeaten. */
const between: readonly (readonly [
  min: number,
  max: number,
  Partial<Swept> & { holdS: number },
])[] = [
  [2, 4, { holdS: 5 }],
  [3, 4, { holdS: 5 }],
  [4, sizeMax, { ...alone, caution: -0.5, level: 0.005, holdS: 600, waitS: 30_000 }],
  [4, 8, { caution: 1, holdS: 20 }],
  [4, 8, { caution: 1, holdS: 25 }],
  [4, 8, { caution: 1.5, holdS: 20 }],
  [4, 8, { caution: 1.5, holdS: 100 }],
  [5, 7, { caution: 1, holdS: 70 }],
  [6, 12, { holdS: 9 }],
  [9, 18, { holdS: 121 }],
  [13, 26, { holdS: 31 }],
  [26, 52, { holdS: 8 }],
  [3, 6, { level: 0.005, holdS: 91, askedS: 30 }],
  [4, 6, { ...alone, caution: 0.25, level: 0.02, holdS: 6, askedS: 30 }],
  [5, 15, { caution: 0, level: 0.005, holdS: 23, waitS: 120, perTask: 0.9, askedS: 2 }],
  [5, 15, { caution: 0, holdS: 66, waitS: 30_000, perTask: 0.9, askedS: 2 }],
  [7, 19, { caution: 0.25, level: 0.02, holdS: 41, waitS: 30_000, askedS: 2 }],
  [9, 21, { level: 0.02, holdS: 28, waitS: 300, perTask: 0.8 }],
];

/** Between equal bounds nothing is left to decide. */
const pinned: Swept = { ...alone, caution: 0, level: 0.1, holdS: 0 };

function forecastVariant(swept: Swept, bounds: Bounds): Variant {
  const { caution, level, holdS, waitS, perTask, askedS } = swept;
  const forecast = {
    ...forecastTerms,
    caution,
    smoothing: { ...smoothing, level },
    holdMs: holdS * 1_000,
    waitMs: waitS * 1_000,
    perTask,
  };
  const working = perTask === 0 ? '' : ` per task ${perTask}`;
  const asked = askedS === 1 ? '' : ` every ${askedS} s`;
  return {
    policy: 'forecast',
    setting: `z ${caution} level ${level} hold ${holdS} wait ${waitS}${working}${asked}${saidOf(bounds)}`,
    make: (trace) => every(askedS, ofGroup(trace, { ...bounds, forecast, firstGuessMs })),
  };
}

function every(askedS: number, policy: Policy): Policy {
  if (askedS === 1) return policy;
  return {
    arrived: (atS) => policy.arrived?.(atS),
    ended: (atS, tookS) => policy.ended?.(atS, tookS),
    size: (seen) => (seen.nowS % askedS === 0 ? policy.size(seen) : seen.ready + seen.starting),
  };
}

function ofGroup(trace: Trace, terms: GroupTerms): Policy {
  const group = new Group(0, terms, startSize(trace));
  const noon = { weekday: 1, minute: 720 };
  return {
    arrived: (atS) => group.arrived(atS * 1_000),
    ended: (atS, tookS) => group.ended(atS * 1_000, tookS * 1_000),
    size: (seen) => group.decide(seen.nowS * 1_000, noon, seen).size,
  };
}

/** The largest wish of the last 300 s bounds the way down; the size at the start is one. */
class Downscale {
  readonly #wishes: { readonly atS: number; readonly size: number }[] = [];

  bound(nowS: number, wanted: number, present: number): number {
    if (nowS === 0) this.#wishes.push({ atS: 0, size: present });
    while ((this.#wishes.at(-1)?.size ?? Number.POSITIVE_INFINITY) <= wanted) this.#wishes.pop();
    this.#wishes.push({ atS: nowS, size: wanted });
    while ((this.#wishes[0]?.atS ?? nowS) < nowS - 300) this.#wishes.shift();
    const largest = this.#wishes[0]?.size ?? wanted;
    return wanted >= present ? wanted : Math.min(present, largest);
  }
}

function hpaVariant(target: number, bounds: Bounds): Variant {
  const make = (): Policy => {
    const downscale = new Downscale();
    return {
      size: ({ nowS, ready, starting, busy, queued }: Seen) => {
        const present = ready + starting;
        if (nowS % 15 !== 0) return present;
        if (present === 0) return bounds.min;
        const used = ready > 0 ? busy / ready : queued > 0 ? 1 : 0;
        let ratio = used / target;
        if (ratio > 1 && starting > 0) ratio = Math.max(1, (used * ready) / present / target);
        const near = Math.abs(ratio - 1) <= 0.1;
        const base = used / target > 1 ? present : Math.max(1, ready);
        const wanted = near ? present : Math.max(1, Math.ceil(base * ratio - 1e-9));
        const capped = Math.min(wanted, Math.max(2 * present, present + 4));
        return within(bounds, downscale.bound(nowS, within(bounds, capped), present));
      },
    };
  };
  return { policy: 'HPA', setting: `${Math.round(target * 100)} %${saidOf(bounds)}`, make };
}

function kedaVariant(perWorker: number, bounds: Bounds): Variant {
  const make = (): Policy => {
    const downscale = new Downscale();
    return {
      size: ({ nowS, ready, starting, busy, queued }: Seen) => {
        const present = ready + starting;
        if (nowS % 30 !== 0) return present;
        const wanted = within(bounds, Math.ceil((queued + busy) / perWorker));
        return within(bounds, downscale.bound(nowS, wanted, present));
      },
    };
  };
  return { policy: 'KEDA', setting: `queue/${perWorker}${saidOf(bounds)}`, make };
}

function rayVariant(idleMaxS: number, bounds: Bounds): Variant {
  const make = (): Policy => ({
    size: ({ ready, starting, busy, queued, idleS }: Seen) => {
      const present = ready + starting;
      const demanded = Math.min(queued + busy, Math.max(2 * present, present + 5));
      if (demanded > present) return within(bounds, demanded);
      const idlers = idleS.filter((idle) => idle > idleMaxS).length;
      return within(bounds, present - (starting > 0 ? 0 : idlers));
    },
  });
  return { policy: 'Ray-like', setting: `idle ${idleMaxS} s${saidOf(bounds)}`, make };
}

function within({ min, max }: Bounds, size: number): number {
  return Math.min(max, Math.max(min, size));
}

const oracleAheadS = 75;

function oracle({ arrivals, durations, endS }: Trace): Policy {
  const change = new Int32Array(Math.ceil(endS) + 2);
  const bump = (at: number, by: number) => {
    const slot = Math.min(change.length - 1, Math.max(0, Math.floor(at)));
    change[slot] = (change[slot] ?? 0) + by;
  };
  for (let at = 0; at < arrivals.length; at++) {
    bump(arrivals[at] ?? 0, 1);
    bump((arrivals[at] ?? 0) + (durations[at] ?? 0) + 1, -1);
  }
  let level = 0;
  const atOnce = change.map((by) => {
    level += by;
    return level;
  });
  return {
    size: ({ nowS }) => {
      let most = 0;
      for (let at = nowS; at <= nowS + oracleAheadS; at++) most = Math.max(most, atOnce[at] ?? 0);
      return most;
    },
  };
}
