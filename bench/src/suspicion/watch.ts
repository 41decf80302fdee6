/**
 * One detector watches nodes that beat, under one condition, for hours of virtual time. Each node dies
 * about every `lifeMs` (half the time its process alone, half with its machine) and comes back a
 * while after it is declared dead. A false alarm is a node declared dead that is not.
 */

import { Chance, type Condition } from './conditions.ts';
import type { Asked, Candidate, Detector } from './detectors.ts';

export interface Watch {
  readonly nodeCount: number;
  readonly hours: number;
  readonly random: () => number;
}

export interface Watched {
  readonly falseAlarms: number;
  readonly nodeHours: number;
  readonly detectionMs: readonly number[];
  readonly missed: number;
}

interface Node {
  readonly id: number;
  sentAt: number;
  arrivedAt: number;
  diesAt: number;
  /** When the broker says that the connection of its process closed: never when its machine dies too. */
  noticeAt: number;
  /** The pause to come, and the one before it, which may still last. */
  pauseFrom: number;
  pauseTo: number;
  lastFrom: number;
  lastTo: number;
  reborn: number;
}

const tickMs = 50;
const beatMs = 1_000;
const lifeAnHour = 2;
const absentMs = 5_000;
const never = Number.POSITIVE_INFINITY;

export function watchOver(candidate: Candidate, condition: Condition, watch: Watch): Watched {
  return new Scene(candidate, condition, watch).run();
}

class Scene {
  readonly #condition: Condition;
  readonly #chance: Chance;
  readonly #detector: Detector;
  readonly #nodes: Node[];
  readonly #endMs: number;
  readonly #detectionMs: number[] = [];
  #now = 0;
  #falseAlarms = 0;
  #stallFrom: number;

  constructor(candidate: Candidate, condition: Condition, { nodeCount, hours, random }: Watch) {
    this.#condition = condition;
    this.#chance = new Chance(random);
    this.#endMs = hours * 3_600_000;
    this.#stallFrom = this.#chance.untilNextMs(condition.stallsAnHour);
    this.#nodes = Array.from({ length: nodeCount }, (_, id) => this.#newborn(id, 0));
    const asked: Asked = {
      answers: (node, withinMs, journeys) => this.#answers(node, withinMs, journeys),
      witness: (node) => this.#witness(node),
    };
    this.#detector = candidate.make(nodeCount, asked);
    for (const { id } of this.#nodes) this.#detector.watch(0, id);
  }

  run(): Watched {
    while (this.#now < this.#endMs) {
      this.#now += tickMs;
      if (this.#now >= this.#stallFrom) this.#stall();
      this.#deliver();
      for (const id of this.#detector.tick(this.#now)) this.#declared(id);
      this.#revive();
    }
    const missed = this.#nodes.filter(({ diesAt, reborn }) => {
      return diesAt + lateMs < this.#now && reborn === never;
    }).length;
    const nodeHours = (this.#nodes.length * this.#endMs) / 3_600_000;
    return { falseAlarms: this.#falseAlarms, nodeHours, detectionMs: this.#detectionMs, missed };
  }

  /** The observer stands still; its timers fire before it reads what arrived meanwhile. */
  #stall(): void {
    this.#now += this.#chance.between(500, 8_000);
    this.#stallFrom = this.#now + this.#chance.untilNextMs(this.#condition.stallsAnHour);
    for (const id of this.#detector.tick(this.#now)) this.#declared(id);
  }

  #newborn(id: number, at: number): Node {
    const pauseFrom = at + this.#chance.untilNextMs(this.#condition.pausesAnHour);
    const diesAt = at + beatMs + this.#chance.untilNextMs(lifeAnHour);
    const isTold = this.#chance.happens(0.5) && !this.#chance.happens(this.#condition.lossShare);
    const noticeAt = isTold ? diesAt + this.#chance.delayMs(this.#condition) : never;
    return {
      id,
      sentAt: at,
      arrivedAt: at + this.#chance.between(0, beatMs),
      diesAt,
      noticeAt,
      pauseFrom,
      pauseTo: pauseFrom + this.#chance.between(500, 5_000),
      lastFrom: at,
      lastTo: at,
      reborn: never,
    };
  }

  #deliver(): void {
    for (const node of this.#nodes) {
      while (node.arrivedAt <= this.#now) {
        if (node.sentAt < node.diesAt) this.#detector.beat(this.#now, node.id);
        this.#send(node);
        if (node.sentAt >= node.diesAt) node.arrivedAt = never;
      }
      if (node.noticeAt > this.#now) continue;
      this.#detector.notice?.(this.#now, node.id);
      node.noticeAt = never;
    }
  }

  /** The next beat that arrives; those that are lost are passed over. */
  #send(node: Node): void {
    do {
      node.sentAt += beatMs;
      if (node.sentAt >= node.pauseFrom && node.sentAt < node.pauseTo) node.sentAt = node.pauseTo;
      if (node.sentAt >= node.pauseTo) this.#nextPause(node);
    } while (this.#chance.happens(this.#condition.lossShare));
    const arrivedAt = node.sentAt + this.#chance.delayMs(this.#condition);
    node.arrivedAt = Math.max(node.arrivedAt, arrivedAt);
  }

  #nextPause(node: Node): void {
    node.lastFrom = node.pauseFrom;
    node.lastTo = node.pauseTo;
    node.pauseFrom = node.pauseTo + this.#chance.untilNextMs(this.#condition.pausesAnHour);
    node.pauseTo = node.pauseFrom + this.#chance.between(500, 5_000);
  }

  #declared(id: number): void {
    const node = this.#nodes[id];
    if (node === undefined) return;
    if (node.diesAt <= this.#now) {
      this.#detectionMs.push(this.#now - node.diesAt);
      node.reborn = this.#now + absentMs;
    } else {
      this.#falseAlarms++;
      this.#detector.watch(this.#now, id);
    }
  }

  #revive(): void {
    for (const [at, node] of this.#nodes.entries()) {
      if (node.reborn > this.#now) continue;
      this.#nodes[at] = this.#newborn(node.id, this.#now);
      this.#detector.watch(this.#now, node.id);
    }
  }

  #isPaused({ pauseFrom, pauseTo, lastFrom, lastTo }: Node): boolean {
    const now = this.#now;
    return (now >= pauseFrom && now < pauseTo) || (now >= lastFrom && now < lastTo);
  }

  #answers(id: number, withinMs: number, journeys: number): boolean {
    const node = this.#nodes[id];
    if (node === undefined || node.diesAt <= this.#now || this.#isPaused(node)) return false;
    return this.#roundTripMs(journeys) <= withinMs;
  }

  #witness(id: number): boolean {
    const node = this.#nodes[id];
    if (node === undefined || node.diesAt <= this.#now) return false;
    return this.#roundTripMs(1) <= witnessMs;
  }

  /** Infinite when lost. */
  #roundTripMs(journeys: number): number {
    let total = 0;
    for (let leg = 0; leg < 2 * journeys; leg++) {
      if (this.#chance.happens(this.#condition.lossShare)) return never;
      total += this.#chance.delayMs(this.#condition);
    }
    return total;
  }
}

/** What takes longer is not found at all. */
const lateMs = 60_000;
const witnessMs = 200;
