/**
 * Who begins next in this process, which its tenants share. As long as it keeps up, each begins as it comes.
 * Once what was begun has held the process for a **slice**, whoever comes waits in the line of its tenant,
 * and the tenant begins next that has held the process least since it waits: by the time until what it
 * begins has ended or awaits something. What runs on later is in nobody's account.
 *
 * F1  while somebody waits, nobody begins who came later and whose tenant held the process longer.
 * F2  whoever waits begins, unless it leaves: after a slice what has arrived meanwhile is heard first.
 * F3  who comes to wait has no credit for the time in which it did not; when nobody waits, nobody owes.
 */
import type { TenantName } from '@troupe/model';

/** Longer than most turns, and shorter than anybody notices. */
const sliceMs = 5;
/** What begins costs at least this, so that tenants whose turns are too short to measure take turns. */
const leastMs = 0.001;

/** Something with turns that wait. */
export interface Waiting {
  readonly tenant: TenantName;
  /** Begins one; true when it has another that could begin. */
  begin(): boolean;
}

export interface Clock {
  /** Monotonic ms. */
  now(): number;
  /** Calls when what has arrived meanwhile was heard. */
  soon(go: () => void): void;
}

interface Line {
  held: number;
  readonly waiting: Waiting[];
  /** How many of them are through. */
  through: number;
  /** It has its place in the order. */
  stands: boolean;
}

export class Turnstile {
  readonly #clock: Clock | undefined;
  /** Of the tenants that wait, or have since somebody does. */
  readonly #lines = new Map<TenantName, Line>();
  /** Those in which somebody waits, who held the process least the first. */
  readonly #order: Line[] = [];
  #level = 0;
  /** Of the slice. */
  #spentMs = 0;
  #paused = false;
  #passing = false;

  /** Without a clock each begins as it comes. */
  constructor(clock: Clock | undefined) {
    this.#clock = clock;
  }

  /** It has something to begin, and does not wait here yet. */
  join(one: Waiting): void {
    // Unless it is paused nobody waits, and when there is time no line is needed.
    const isFree = !this.#passing && !this.#paused && this.#spentMs <= sliceMs;
    if (!isFree || this.#begins(one)) this.#wait(one);
    if (this.#order.length > 0) this.#pass();
  }

  #wait(one: Waiting): void {
    const line = this.#line(one.tenant);
    line.waiting.push(one);
    this.#enter(line);
  }

  /** True when it has more. */
  #begins(one: Waiting): boolean {
    const from = this.#clock?.now() ?? 0;
    this.#passing = true;
    try {
      return one.begin();
    } finally {
      this.#passing = false;
      this.#spentMs += (this.#clock?.now() ?? 0) - from;
    }
  }

  #pass(): void {
    if (this.#passing || this.#paused) return;
    while (this.#order.length > 0) {
      if (this.#spentMs > sliceMs) return this.#pause();
      this.#next();
    }
    this.#lines.clear();
    this.#level = 0;
  }

  #pause(): void {
    this.#paused = true;
    this.#clock?.soon(() => {
      this.#paused = false;
      this.#spentMs = 0;
      this.#pass();
    });
  }

  #next(): void {
    const line = this.#order.shift();
    const one = line?.waiting[line.through];
    if (line === undefined || one === undefined) return;
    this.#level = line.held;
    line.through += 1;
    line.stands = false;
    const before = this.#spentMs;
    let more = false;
    try {
      more = this.#begins(one);
    } finally {
      this.#charge(line, Math.max(leastMs, this.#spentMs - before));
      if (more) line.waiting.push(one);
      shorten(line);
      if (line.waiting.length > 0) this.#enter(line);
    }
  }

  #line(tenant: TenantName): Line {
    let line = this.#lines.get(tenant);
    if (line === undefined) {
      line = { held: this.#level, waiting: [], through: 0, stands: false };
      this.#lines.set(tenant, line);
    }
    return line;
  }

  /** What it began may have let others of it join, so that it stands in the order again. */
  #charge(line: Line, ms: number): void {
    if (line.stands) this.#order.splice(this.#order.indexOf(line), 1);
    line.stands = false;
    line.held += ms;
  }

  /** F3 */
  #enter(line: Line): void {
    if (line.stands) return;
    line.stands = true;
    line.held = Math.max(line.held, this.#level);
    let [low, high] = [0, this.#order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#order[middle] as Line).held <= line.held) low = middle + 1;
      else high = middle;
    }
    this.#order.splice(low, 0, line);
  }
}

/** Drops those who are through, when they are most. */
function shorten(line: Line): void {
  if (2 * line.through < line.waiting.length) return;
  line.waiting.splice(0, line.through);
  line.through = 0;
}
