/**
 * On which machine each node lies, so that a name is enough to find it again.
 *
 * R1  a record is there from before anything is put on the machine until nothing is left there.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isShortName, troupeError } from '@troupe/model';
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
    } catch {
      // No such node was ever put anywhere.
      return undefined;
    }
    const parsed = sshMachine.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    throw troupeError('WRONG_STATE', `${file} is no record of a node`, { file });
  }

  names(): string[] {
    mkdirSync(this.#dir, { recursive: true });
    const files = readdirSync(this.#dir).filter((file) => file.endsWith('.json'));
    return files.map((file) => file.slice(0, -'.json'.length)).filter(isShortName);
  }

  write(name: string, machine: SshMachine): void {
    mkdirSync(this.#dir, { recursive: true });
    const file = this.#file(name);
    const aside = `${file}.${process.pid}`;
    writeFileSync(aside, `${JSON.stringify(machine, null, 2)}\n`);
    renameSync(aside, file);
  }

  remove(name: string): void {
    rmSync(this.#file(name), { force: true });
  }

  #file(name: string): string {
    return join(this.#dir, `${name}.json`);
  }
}
