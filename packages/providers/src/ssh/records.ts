/**
 * On which machine each node lies, so that a name is enough to find it again.
 *
 * R1  a record is there from before anything is put on the machine until nothing is left there.
 * R2  a record that is damaged is an error of its own node and of no other.
 * R3  of two who add one name at once only one has the record: no node lies anywhere without one.
 */
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { isShortName, TroupeError } from '@troupe/model';
import { type SshMachine, sshMachine } from './target.ts';

export class SshRecords {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  read(name: string): SshMachine | undefined {
    const file = this.#file(name);
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (cause) {
      // No such node was ever put anywhere.
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
      text = '';
    }
    const machine = readMachine(text);
    if (machine !== undefined) return machine;
    throw new TroupeError({
      code: 'WRONG_STATE',
      message:
        `the record ${file} of node ${name} is damaged, so its machine is not known; put the ` +
        'record back, or drop it by `troupe node remove --forget` (what lies on the machine stays)',
      details: { name, file },
    });
  }

  names(): string[] {
    mkdirSync(this.#dir, { recursive: true });
    const files = readdirSync(this.#dir).filter((file) => file.endsWith('.json'));
    return files.map((file) => file.slice(0, -'.json'.length)).filter(isShortName);
  }

  write(name: string, machine: SshMachine): void {
    renameSync(this.#aside(name, machine), this.#file(name));
  }

  /** False where there is one already (R3). */
  add(name: string, machine: SshMachine): boolean {
    const aside = this.#aside(name, machine);
    try {
      linkSync(aside, this.#file(name));
      return true;
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return false;
      throw cause;
    } finally {
      rmSync(aside, { force: true });
    }
  }

  remove(name: string): void {
    rmSync(this.#file(name), { force: true });
  }

  /** The record whole, in a file of its own. */
  #aside(name: string, machine: SshMachine): string {
    mkdirSync(this.#dir, { recursive: true });
    const aside = `${this.#file(name)}.${process.pid}`;
    writeFileSync(aside, `${JSON.stringify(machine, null, 2)}\n`);
    return aside;
  }

  #file(name: string): string {
    return join(this.#dir, `${name}.json`);
  }
}

function readMachine(text: string): SshMachine | undefined {
  try {
    return sshMachine.safeParse(JSON.parse(text)).data;
  } catch {
    // Not even JSON.
    return undefined;
  }
}
