/**
 * What an operator's service manager does: every member that ends is started again, unless a fault
 * holds it down.
 *
 * D1  a process is started again by name, with the settings of its first start.
 * D2  whoever holds a name is the only one who starts or ends processes of that name.
 * D3  an exit that nobody brought about and that says "bug" is an alarm, but while older data is in
 *     the place of the newest: then nodes have to end so.
 */
import type { Exit } from '@troupe/cli';
import type { Member, Role } from './member.ts';

/** A node that was fenced ends with 4 and is to be started anew; 0 is an orderly end. */
const bugCode = 1;

export interface WardenStart {
  readonly members: readonly Member[];
  readonly alarm: (what: string) => void;
  readonly say: (line: string) => void;
}

export class Warden {
  readonly members: readonly Member[];
  olderData = false;
  readonly #start: WardenStart;
  readonly #held = new Set<Member>();
  readonly #starting = new Map<Member, Promise<void>>();
  #over = false;

  constructor(start: WardenStart) {
    this.#start = start;
    this.members = start.members;
    for (const member of this.members) member.onExit((exit) => this.#onExit(member, exit));
  }

  of(role: Role): readonly Member[] {
    return this.members.filter((member) => member.role === role);
  }

  /** Those that no fault holds and that run now. */
  free(role: Role): readonly Member[] {
    return this.of(role).filter((member) => member.running && !this.#held.has(member));
  }

  isHeld(member: Member): boolean {
    return this.#held.has(member);
  }

  /** Takes it out of the warden's care (D2); false when somebody has done so already. */
  hold(member: Member): boolean {
    if (this.#held.has(member)) return false;
    this.#held.add(member);
    return true;
  }

  /** Gives it back: if it does not run, it is started. */
  release(member: Member): void {
    this.#held.delete(member);
    if (!member.running) void this.#mend(member);
  }

  /** All that are to run, run. */
  get complete(): boolean {
    return this.members.every((member) => member.running && !this.#starting.has(member));
  }

  /** Starts under way are let go; nothing is started any more. */
  async end(): Promise<void> {
    this.#over = true;
    for (const member of this.members) member.abandon();
    await Promise.allSettled(this.#starting.values());
  }

  #onExit(member: Member, exit: Exit): void {
    if (this.#over) return;
    const { alarm, say } = this.#start;
    const how = exit.signal ?? `code ${exit.code}`;
    say(`${member.name} ended with ${how}`);
    const ours = member.role === 'node' || member.role === 'scheduler';
    // D3
    if (
      ours &&
      !this.olderData &&
      (exit.code === bugCode || how === 'SIGSEGV' || how === 'SIGABRT')
    ) {
      alarm(`${member.name} ended with ${how}, which is a bug; see its log`);
    }
    if (!this.#held.has(member)) void this.#mend(member);
  }

  #mend(member: Member): Promise<void> {
    const under = this.#starting.get(member);
    if (under !== undefined || this.#over) return under ?? Promise.resolve();
    const mending = member.start().finally(() => this.#starting.delete(member));
    this.#starting.set(member, mending);
    return mending;
  }
}
