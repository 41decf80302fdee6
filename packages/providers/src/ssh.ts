/**
 * Nodes on machines that are reached by ssh. A machine needs an ssh server, Node.js, tar and gzip;
 * the build is copied there once, each node has a folder of its own, and a supervising shell there
 * outlives our connection.
 *
 *   create: trust → survey → copy the build (unless it is there) → start → welcomed
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { failureOf, TroupeError, troupeError } from '@troupe/model';
import { type Build, makeBuild } from './build/build.ts';
import { hostMain } from './build/host-main.ts';
import { surveyScript, unpackScript } from './machine/node-scripts.ts';
import { checkedName, MachineNodes, mayUndo } from './machine/nodes.ts';
import { type Shell, unexpected } from './machine/shell.ts';
import type {
  Created,
  DestroyOptions,
  NodeSignal,
  NodeSpec,
  NodeStatus,
  Provider,
  Signalled,
} from './provider.ts';
import { type HostTrust, trustedKeys } from './ssh/host-keys.ts';
import { SshRecords } from './ssh/records.ts';
import { sshShell } from './ssh/ssh-shell.ts';
import { folderDefault, placeOf, readTarget, type SshMachine } from './ssh/target.ts';

export interface SshProviderOptions {
  /** Belongs to this provider alone: where nodes lie, which keys are trusted, builds. */
  readonly stateDir: string;
  /** Main module of the node process, of another build than the installed one. */
  readonly main?: string;
  /** How long a machine may take over what takes no time; 30 s. */
  readonly answerMsMax?: number;
}

export interface SshNodeSpec extends NodeSpec {
  /** `user@host[:port]`. */
  readonly target: string;
  /** The private key; what ssh finds by itself when absent. */
  readonly keyFile?: string;
  /** Only machines already known when absent. */
  readonly trust?: HostTrust;
  /** Folder there, `.troupe` in the home folder when absent. */
  readonly folder?: string;
  /** The program there that is Node.js; `node` when absent. */
  readonly program?: string;
}

const kind = 'ssh';
const copyMsMax = 600_000;
/** Root and program as absolute paths, and what there is. */
const surveyed = /^(\/.*)\n(\/.*)\n(runs|present|missing)\n$/;

export function sshProvider(options: SshProviderOptions): Provider<SshNodeSpec> {
  return new SshProvider(options);
}

class SshProvider implements Provider<SshNodeSpec> {
  readonly kind = kind;
  readonly #stateDir: string;
  readonly #main: string | undefined;
  readonly #answerMsMax: number | undefined;
  readonly #records: SshRecords;

  constructor(options: SshProviderOptions) {
    this.#stateDir = resolve(options.stateDir);
    this.#main = options.main;
    this.#answerMsMax = options.answerMsMax;
    this.#records = new SshRecords(join(this.#stateDir, 'nodes'));
  }

  async create(spec: SshNodeSpec): Promise<Created> {
    const machine = machineOf(spec);
    const name = checkedName(spec.name);
    const before = this.#records.read(name);
    refuseElsewhere(name, before, machine);
    const keys = await trustedKeys(this.#stateDir, machine, spec.trust ?? 'known');
    const build = await makeBuild(hostMain(this.#main), join(this.#stateDir, 'builds'));
    if (before !== undefined) this.#records.write(name, machine);
    else if (!this.#records.add(name, machine)) {
      // R3
      refuseElsewhere(name, this.#records.read(name), machine);
    }
    const shell = sshShell(machine, keys, this.#answerMsMax);
    const progress = { reached: false };
    try {
      return await this.#put(spec, machine, shell, build, progress);
    } catch (cause) {
      const touched = progress.reached || !isSilent(cause);
      // R1: by another key it was not reached; by the one that is known it can be.
      if (before !== undefined && !touched) this.#records.write(name, before);
      else if (!touched || mayUndo(cause)) await this.#undo(name, machine, shell, touched);
      throw cause;
    }
  }

  async list(): Promise<readonly NodeStatus[]> {
    const found = await Promise.all(this.#records.names().map((name) => this.#asked(name)));
    return found.flatMap((status) => (status === undefined ? [] : [status]));
  }

  describe(name: string): Promise<NodeStatus | undefined> {
    return this.#asked(checkedName(name));
  }

  async destroy(name: string, options: DestroyOptions = {}): Promise<boolean> {
    checkedName(name);
    try {
      const machine = this.#records.read(name);
      if (machine === undefined) return false;
      const { nodes } = await this.#reach(machine);
      await nodes.destroy(name, options);
    } catch (cause) {
      if (options.forget !== true || !mayForget(cause)) throw cause;
    }
    this.#records.remove(name);
    return true;
  }

  async signal(name: string, given: NodeSignal): Promise<Signalled | undefined> {
    const machine = this.#records.read(checkedName(name));
    if (machine === undefined) return undefined;
    const { nodes } = await this.#reach(machine);
    return nodes.signal(name, given);
  }

  async logs(name: string, lines?: number): Promise<string> {
    const machine = this.#records.read(checkedName(name));
    if (machine === undefined) {
      const message = `no node ${name} was put on a machine by ssh; list those that were added with \`troupe node list\``;
      throw new TroupeError({ code: 'UNKNOWN_NODE', message, details: { name } });
    }
    const { nodes } = await this.#reach(machine);
    return nodes.logs(name, lines);
  }

  async #put(
    spec: SshNodeSpec,
    { folder, program: wanted }: SshMachine,
    shell: Shell,
    { hash, checksum, file, main }: Build,
    progress: { reached: boolean },
  ): Promise<Created> {
    const { name } = spec;
    const what = `the survey for node ${name}`;
    const args = [folder, name, wanted, hash];
    const said = await shell.run(surveyScript, args, { what });
    progress.reached = true;
    const [, root, program, found] = surveyed.exec(said) ?? [];
    if (root === undefined || program === undefined) throw unexpected(shell.place, what, said);
    if (found === 'missing') {
      const copy = { what: `the copy of the build for node ${name}`, moreMs: copyMsMax, file };
      const answer = await shell.run(unpackScript, [root, name, program, hash, checksum], copy);
      if (answer !== '') throw unexpected(shell.place, copy.what, answer);
    }
    const nodes = new MachineNodes(kind, shell, root);
    // A node that runs keeps the build it has.
    const build = found === 'runs' ? {} : { build: hash };
    return nodes.create(spec, { program, main: `${root}/builds/${hash}/${main}`, ...build });
  }

  /** V2, R1: takes away what a failed create put there, and forgets it once that is sure. */
  async #undo(name: string, machine: SshMachine, shell: Shell, touched: boolean): Promise<void> {
    try {
      const nodes = new MachineNodes(kind, shell, machine.folder);
      if (touched) {
        const now = await nodes.describe(name);
        if (now?.state.kind === 'running') return;
        await nodes.destroy(name, { drainMsMax: 0 });
      }
      this.#records.remove(name);
    } catch {
      // The record stays, so that `create` or `destroy` can finish this; the first failure is told.
    }
  }

  async #asked(name: string): Promise<NodeStatus | undefined> {
    let place = 'a machine not known';
    const absent = { name, provider: kind, restarts: 0 };
    try {
      const machine = this.#records.read(name);
      if (machine === undefined) return undefined;
      place = placeOf(machine);
      const { nodes } = await this.#reach(machine);
      return (await nodes.describe(name)) ?? { ...absent, place, state: { kind: 'absent' } };
    } catch (cause) {
      return { ...absent, place, state: { kind: 'unknown', failure: failureOf(cause) } };
    }
  }

  async #reach(machine: SshMachine): Promise<{ readonly nodes: MachineNodes }> {
    const keys = await trustedKeys(this.#stateDir, machine, 'known');
    const shell = sshShell(machine, keys, this.#answerMsMax);
    return { nodes: new MachineNodes(kind, shell, machine.folder) };
  }
}

function refuseElsewhere(name: string, known: SshMachine | undefined, machine: SshMachine): void {
  if (known === undefined || isSamePlace(known, machine)) return;
  const what = `node ${name} lies on ${placeOf(known)} in ${known.folder}; destroy it first`;
  throw new TroupeError({ code: 'ALREADY_EXISTS', message: what, details: { name } });
}

function isSamePlace(one: SshMachine, other: SshMachine): boolean {
  return placeOf(one) === placeOf(other) && one.folder === other.folder;
}

/** True where nothing can have been done there, nor can be now. */
function isSilent(cause: unknown): boolean {
  return /^HOST_(?:UNREACHABLE|REFUSED|KEY_UNKNOWN|KEY_CHANGED|SILENT)$/.test(
    failureOf(cause).code,
  );
}

/** Also where its machine hangs, or its record is damaged. */
function mayForget(cause: unknown): boolean {
  return isSilent(cause) || /^(?:HOST_LOST|WRONG_STATE)$/.test(failureOf(cause).code);
}

function machineOf(spec: SshNodeSpec): SshMachine {
  const { keyFile, folder = folderDefault, program = 'node' } = spec;
  if (keyFile !== undefined && !existsSync(keyFile)) {
    throw troupeError('INVALID_ARGUMENT', `there is no key file ${keyFile}`, { keyFile });
  }
  const key = keyFile === undefined ? {} : { keyFile: resolve(keyFile) };
  return { ...readTarget(spec.target), ...key, folder, program };
}
