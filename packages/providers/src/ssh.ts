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
import { checkedName, MachineNodes } from './machine/nodes.ts';
import type { Shell } from './machine/shell.ts';
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

export function sshProvider(options: SshProviderOptions): Provider<SshNodeSpec> {
  return new SshProvider(options);
}

class SshProvider implements Provider<SshNodeSpec> {
  readonly kind = kind;
  readonly #stateDir: string;
  readonly #main: string | undefined;
  readonly #records: SshRecords;

  constructor(options: SshProviderOptions) {
    this.#stateDir = resolve(options.stateDir);
    this.#main = options.main;
    this.#records = new SshRecords(join(this.#stateDir, 'nodes'));
  }

  async create(spec: SshNodeSpec): Promise<Created> {
    const machine = machineOf(spec);
    const name = checkedName(spec.name);
    const before = this.#records.read(name);
    if (before !== undefined && !isSamePlace(before, machine)) {
      const what = `node ${name} lies on ${placeOf(before)} in ${before.folder}; destroy it first`;
      throw new TroupeError({ code: 'ALREADY_EXISTS', message: what, details: { name } });
    }
    const keys = await trustedKeys(this.#stateDir, machine, spec.trust ?? 'known');
    const build = await makeBuild(hostMain(this.#main), join(this.#stateDir, 'builds'));
    this.#records.write(name, machine);
    const shell = sshShell(machine, keys);
    const progress = { reached: false };
    try {
      return await this.#put(spec, machine, shell, build, progress);
    } catch (cause) {
      const touched = before !== undefined || progress.reached || !isSilent(cause);
      await this.#undo(name, machine, shell, touched);
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
    const machine = this.#records.read(checkedName(name));
    if (machine === undefined) return false;
    try {
      const { nodes } = await this.#reach(machine);
      await nodes.destroy(name, options);
    } catch (cause) {
      if (options.forget !== true || !isSilent(cause)) throw cause;
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
      throw troupeError('UNKNOWN_NODE', `no node ${name} was put on a machine by ssh`, { name });
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
    const said = await shell.run(surveyScript, [folder, spec.name, wanted, hash]);
    progress.reached = true;
    const [root = '', program = '', build] = said.split('\n');
    if (build === 'missing') {
      await shell.run(unpackScript, [root, spec.name, program, hash, checksum], { file });
    }
    const nodes = new MachineNodes(kind, shell, root);
    return nodes.create(spec, { program, main: `${root}/builds/${hash}/${main}` });
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
    const machine = this.#records.read(name);
    if (machine === undefined) return undefined;
    const absent = { name, provider: kind, place: placeOf(machine), restarts: 0 };
    try {
      const { nodes } = await this.#reach(machine);
      return (await nodes.describe(name)) ?? { ...absent, state: { kind: 'exited' } };
    } catch (cause) {
      return { ...absent, state: { kind: 'unknown', failure: failureOf(cause) } };
    }
  }

  async #reach(machine: SshMachine): Promise<{ readonly nodes: MachineNodes }> {
    const shell = sshShell(machine, await trustedKeys(this.#stateDir, machine, 'known'));
    return { nodes: new MachineNodes(kind, shell, machine.folder) };
  }
}

function isSamePlace(one: SshMachine, other: SshMachine): boolean {
  return placeOf(one) === placeOf(other) && one.folder === other.folder;
}

/** True where nothing can have been done there, nor can be now. */
function isSilent(cause: unknown): boolean {
  return /^HOST_(?:UNREACHABLE|REFUSED|KEY_UNKNOWN|KEY_CHANGED)$/.test(failureOf(cause).code);
}

function machineOf(spec: SshNodeSpec): SshMachine {
  const { keyFile, folder = folderDefault, program = 'node' } = spec;
  if (keyFile !== undefined && !existsSync(keyFile)) {
    throw troupeError('INVALID_ARGUMENT', `there is no key file ${keyFile}`, { keyFile });
  }
  const key = keyFile === undefined ? {} : { keyFile: resolve(keyFile) };
  return { ...readTarget(spec.target), ...key, folder, program };
}
