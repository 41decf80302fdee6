/**
 * Who is silent. Silence only decides how soon somebody looks; the journal decides who is dying.
 * Silence is judged by phi accrual and a witness (`suspicion/`); what the broker says of connections that closed, and
 * silences that were not a node's own, here. Volatile: a new leader treats every present node as just heard.
 *
 * F1  a node is judged by silence of its own only: after a silence that was ours (our connection
 *     was lost, this process was paused, ticks come late) every node counts as just heard.
 * F2  when more than max(1, a third) of the nodes disconnect within the window, the broker is the
 *     suspect: whoever disconnected gets the time to connect again before it is judged.
 * F3  a silence of all of several nodes is ours too, also when nobody told us that a link was cut:
 *     nobody is judged in it until it has lasted four times as long as one node's may, and when
 *     somebody is heard again every node counts as just heard.
 * F4  a probe is judged on time or asked again: when we come late to it the answer may lie in our inbox.
 * F5  a probe waits longer for a node whose beats have come late of late: it, its machine or we are short
 *     of time. Nobody waits longer than a silence may last.
 */
import type { Heartbeat, Incarnation, NodeLoad } from '@troupe/model';
import type { Deadline } from './deadlines.ts';
import type { Desk } from './desk.ts';
import { isPresent } from './nodes.ts';
import { Suspicion, suspicionTerms } from './suspicion/index.ts';

interface Heard {
  /** Its last beat, unless a silence of ours lies between. */
  beatAt: number | undefined;
  /** By how much beats came late, the latest above all (F5). */
  lateMs: number;
  load: NodeLoad | undefined;
  probe: Deadline | undefined;
}

const noticeWindowMs = 2_000;
/** Share of a probe's time by which we may come late to judge it. */
const lateShare = 1 / 4;
/** Of how late beats came, after each further beat. */
const lateKept = 0.9;
/** How many times as late as a beat an answer may be. */
const lateTimes = 3;
/** Share of the silence allowed that a probe may take while the broker is the suspect. */
const patientShare = 1 / 3;
/** How many times as long as one node all of them may be silent before that is judged. */
const allSilentShare = 4;
/** Unknown incarnations watched at once; the oldest are forgotten beyond. */
const strangersMax = 1_000;

export class FailureDetection {
  readonly #desk: Desk;
  readonly #suspicion: Suspicion;
  readonly #heard = new Map<Incarnation, Heard>();
  readonly #strangers = new Map<Incarnation, number>();
  #notices: { readonly at: number; readonly node: Incarnation }[] = [];
  #brokerSuspectUntil = Number.NEGATIVE_INFINITY;
  /** When any node was last heard. */
  #anybodyAt: number;

  constructor(desk: Desk) {
    this.#desk = desk;
    const { heartbeatMs, nodeSilenceMs } = desk.config;
    this.#suspicion = new Suspicion(suspicionTerms(heartbeatMs, nodeSilenceMs));
    this.#anybodyAt = desk.now;
    for (const { incarnation } of desk.state.nodes.present()) this.hear(incarnation);
    this.#schedulePulse();
  }

  /** Nodes that are listened for. */
  get size(): number {
    return this.#heard.size;
  }

  /** Any word of a present node. */
  hear(node: Incarnation): void {
    if (this.#nobodySpeaks()) this.startAnew();
    this.#anybodyAt = this.#desk.now;
    if (this.#heard.has(node)) return this.#suspicion.hear(this.#desk.now, node);
    this.#heard.set(node, { beatAt: undefined, lateMs: 0, load: undefined, probe: undefined });
    this.#suspicion.watch(this.#desk.now, node);
  }

  /** A heartbeat, which alone answers a probe. */
  beat({ incarnation: node, load, witness }: Heartbeat): void {
    this.hear(node);
    const heard = this.#heard.get(node);
    if (heard === undefined) return;
    const { now, config } = this.#desk;
    this.#suspicion.beat(now, node, witness === true);
    const lateMs = now - (heard.beatAt ?? now) - config.heartbeatMs;
    heard.lateMs = Math.max(lateMs, heard.lateMs * lateKept);
    heard.beatAt = now;
    heard.load = load;
    this.#desk.deadlines.cancel(heard.probe);
    heard.probe = undefined;
  }

  forget(node: Incarnation): void {
    this.#notices = this.#notices.filter((notice) => notice.node !== node);
    this.#desk.deadlines.cancel(this.#heard.get(node)?.probe);
    this.#heard.delete(node);
    this.#suspicion.forget(node);
  }

  silentMs(node: Incarnation): number {
    return this.#suspicion.silentMs(this.#desk.now, node) ?? 0;
  }

  /** The witness of a node that we asked says that its process runs. */
  testify(node: Incarnation): void {
    this.#suspicion.testify(this.#desk.now, node);
  }

  load(node: Incarnation): NodeLoad | undefined {
    return this.#heard.get(node)?.load;
  }

  /** The silence was ours (F1). */
  startAnew(): void {
    for (const heard of this.#heard.values()) {
      heard.beatAt = undefined;
      this.#desk.deadlines.cancel(heard.probe);
      heard.probe = undefined;
    }
    this.#suspicion.startAnew(this.#desk.now);
    this.#notices = [];
    this.#strangers.clear();
  }

  /** The nodes that are dead by their silence now; witnesses of those who are suspected are asked. */
  pulse(): readonly Incarnation[] {
    const dead: Incarnation[] = [];
    const verdicts = this.#isPatient() ? [] : this.#suspicion.tick(this.#desk.now);
    for (const { kind, node } of verdicts) {
      if (kind === 'dead') dead.push(node);
      else this.#desk.order({ kind: 'ask-witness', incarnation: node });
    }
    this.#schedulePulse();
    return dead;
  }

  /** The broker says that its connection closed. */
  notice(node: Incarnation): void {
    const record = this.#desk.state.nodes.get(node);
    const heard = this.#heard.get(node);
    if (record === undefined || heard === undefined || !isPresent(record)) return;
    const { now } = this.#desk;
    this.#notices = this.#notices.filter(
      (notice) => notice.at + noticeWindowMs > now && notice.node !== node,
    );
    this.#notices.push({ at: now, node });
    if (this.#notices.length > Math.max(1, this.#desk.state.nodes.presentCount / 3)) {
      this.#brokerSuspectUntil = now + noticeWindowMs;
      for (const notice of this.#notices) this.#probe(notice.node, true);
    } else this.#probe(node, now < this.#brokerSuspectUntil);
  }

  /** The time of a probe is over: true when the node has not answered, as far as we can tell (F4). */
  isUnanswered(node: Incarnation): boolean {
    const heard = this.#heard.get(node);
    if (heard?.probe === undefined) return false;
    const lateMs = this.#desk.now - heard.probe.at;
    heard.probe = undefined;
    if (lateMs <= this.#desk.config.probeMs * lateShare) return true;
    this.#probe(node, this.#desk.now < this.#brokerSuspectUntil);
    return false;
  }

  /** An incarnation that the journal does not know: true once it spoke for longer than a join
   *  takes. Then it was forgotten long ago, or the journal was restored from before it joined. */
  isStranger(node: Incarnation): boolean {
    const { now } = this.#desk;
    const first = this.#strangers.get(node);
    if (first !== undefined) return now - first >= this.#desk.config.nodeSilenceMs;
    this.#strangers.set(node, now);
    if (this.#strangers.size > strangersMax) {
      for (const oldest of this.#strangers.keys()) {
        this.#strangers.delete(oldest);
        break;
      }
    }
    return false;
  }

  /** F3: two beats of every node are missing. */
  #nobodySpeaks(): boolean {
    const { heartbeatMs, nodeSilenceMs } = this.#desk.config;
    const allSilentMs = this.#desk.now - this.#anybodyAt;
    return this.#heard.size > 1 && allSilentMs >= Math.min(2 * heartbeatMs, nodeSilenceMs);
  }

  #isPatient(): boolean {
    const patienceMs = allSilentShare * this.#desk.config.nodeSilenceMs;
    return this.#nobodySpeaks() && this.#desk.now - this.#anybodyAt < patienceMs;
  }

  /** Asks for a heartbeat; a patient probe takes the place of a hasty one. */
  #probe(node: Incarnation, patient: boolean): void {
    const heard = this.#heard.get(node);
    if (heard === undefined || (heard.probe !== undefined && !patient)) return;
    const { now, config, deadlines } = this.#desk;
    deadlines.cancel(heard.probe);
    const least = config.probeMs + lateTimes * heard.lateMs;
    const within = patient ? Math.max(least, config.nodeSilenceMs * patientShare) : least;
    heard.probe = deadlines.set(
      now + Math.min(within, Math.max(config.nodeSilenceMs, config.probeMs)),
      { kind: 'probe' as const, node },
    );
    this.#desk.toNode(node, { kind: 'probe', term: this.#desk.term });
  }

  /** Often enough to notice that ticks are late before anybody is wronged, and when somebody is to be looked
   *  at, unless all are waited for (F3). */
  #schedulePulse(): void {
    const { now, config } = this.#desk;
    const latest = now + Math.min(config.heartbeatMs, config.nodeSilenceMs / 4);
    const { nextAt = latest } = this.#suspicion;
    this.#desk.deadlines.set(nextAt > now ? Math.min(nextAt, latest) : latest, { kind: 'pulse' });
  }
}
