/** The nodes under one root folder of a machine, by its shell. */
import { failureOf, isShortName, troupeError } from '@troupe/model';
import {
  type Created,
  type DestroyOptions,
  type NodeSignal,
  type NodeSpec,
  type NodeStatus,
  restartPolicy,
  type Signalled,
} from '../provider.ts';
import { type NodeReport, readReport, startFailure } from './node-report.ts';
import {
  describeScript,
  destroyScript,
  listScript,
  logsScript,
  startScript,
} from './node-scripts.ts';
import { type Shell, unexpected } from './shell.ts';
import { signalScript } from './signal-script.ts';

const readyMsDefault = 60_000;
/** A node's own bound for a drain is 30 s by default. */
const drainMsDefault = 40_000;
const linesDefault = 200;

export interface Programs {
  /** The program that is Node.js. */
  readonly program: string;
  /** The main module of a node. */
  readonly main: string;
  /** The hash of the build that was copied there for it. */
  readonly build?: string;
}

export class MachineNodes {
  readonly #provider: string;
  readonly #shell: Shell;
  readonly #root: string;

  constructor(provider: string, shell: Shell, root: string) {
    this.#provider = provider;
    this.#shell = shell;
    this.#root = root;
  }

  /** V2: starts it; whatever fails is undone, unless somebody else made the node run meanwhile. */
  async create(spec: NodeSpec, programs: Programs): Promise<Created> {
    checkedName(spec.name);
    try {
      return await this.#start(spec, programs);
    } catch (cause) {
      if (mayUndo(cause)) await this.#undo(spec.name);
      throw cause;
    }
  }

  async #undo(name: string): Promise<void> {
    try {
      const now = await this.describe(name);
      if (now?.state.kind !== 'running') await this.destroy(name, { drainMsMax: 0 });
    } catch {
      // The first failure is told; the next `create` or `destroy` finishes this.
    }
  }

  async #start(spec: NodeSpec, { program, main, build = '-' }: Programs): Promise<Created> {
    const { name, env = {}, readyMsMax = readyMsDefault } = spec;
    const policy = { ...restartPolicy, ...spec.restart };
    const environment = environmentScript(env);
    const config = {
      ...spec.shared,
      node: { ...spec.node, name, data: `${this.#root}/nodes/${name}/data` },
    };
    const configuration = `${JSON.stringify(config, null, 2)}\n`;
    const what = `the start of node ${name}`;
    const said = await this.#shell.run(
      startScript,
      [
        ...[this.#root, name, program, main, build],
        ...[Buffer.byteLength(environment), Buffer.byteLength(configuration)],
        ...[Math.ceil(readyMsMax / 1_000), policy.pauseMs, policy.pauseMsMax],
        ...[policy.steadyMs, policy.crashesMax],
      ],
      { what, moreMs: readyMsMax, text: `${environment}${configuration}` },
    );
    const [answer = '', ...lines] = said.split('\n');
    const report = this.#report(what, said, lines);
    if (answer === 'ended') {
      // Its supervisor may be about to start it again: it goes, whatever it does just now.
      await this.destroy(name, { drainMsMax: 0 }).catch(() => undefined);
      throw startFailure(name, this.#shell.place, report, lines);
    }
    if (answer !== 'ready' && answer !== 'already') throw unexpected(this.#shell.place, what, said);
    return { ...this.#status(name, report), created: answer === 'ready' };
  }

  async describe(name: string): Promise<NodeStatus | undefined> {
    const what = `the look at node ${checkedName(name)}`;
    const said = await this.#short(describeScript, [name], what);
    if (said === 'absent\n') return undefined;
    return this.#status(name, this.#report(what, said, said.split('\n')));
  }

  async list(): Promise<readonly NodeStatus[]> {
    const said = await this.#short(listScript, ['all'], 'the list of nodes');
    // Anything else that lies there is nobody's node.
    const names = said.split('\n').filter(isShortName);
    const found = await Promise.all(names.map((name) => this.#looked(name)));
    return found.flatMap((status) => (status === undefined ? [] : [status]));
  }

  /** A node that cannot be told of hides no other. */
  async #looked(name: string): Promise<NodeStatus | undefined> {
    try {
      return await this.describe(name);
    } catch (cause) {
      const state = { kind: 'unknown', failure: failureOf(cause) } as const;
      return this.#status(name, { state, restarts: 0 });
    }
  }

  async destroy(name: string, options: DestroyOptions = {}): Promise<boolean> {
    const { drainMsMax = drainMsDefault } = options;
    const what = `the removal of node ${checkedName(name)}`;
    const args = [this.#root, name, Math.ceil(drainMsMax / 1_000)];
    const said = await this.#shell.run(destroyScript, args, { what, moreMs: drainMsMax });
    if (said !== 'destroyed\n' && said !== 'absent\n') {
      throw unexpected(this.#shell.place, what, said);
    }
    return said === 'destroyed\n';
  }

  logs(name: string, lines: number = linesDefault): Promise<string> {
    return this.#short(logsScript, [checkedName(name), lines], `the log of node ${name}`);
  }

  async signal(name: string, given: NodeSignal): Promise<Signalled | undefined> {
    const { to = 'node', signal, which = 0, thawAfterMs = '-', againAfterMs = '-' } = given;
    const args = [checkedName(name), to, signal.replace(/^SIG/, ''), which];
    const what = `the signal to node ${name}`;
    const said = await this.#short(signalScript, [...args, thawAfterMs, againAfterMs], what);
    if (said === 'absent\n') return undefined;
    const [, pid] = /^signalled (\d+)\n$/.exec(said) ?? [];
    if (pid === undefined) throw unexpected(this.#shell.place, what, said);
    return { pid: Number(pid) };
  }

  #short(script: string, args: readonly (string | number)[], what: string): Promise<string> {
    return this.#shell.run(script, [this.#root, ...args], { what });
  }

  #report(what: string, said: string, lines: readonly string[]): NodeReport {
    const report = readReport(lines);
    if (report === undefined) throw unexpected(this.#shell.place, what, said);
    return report;
  }

  #status(name: string, report: NodeReport): NodeStatus {
    return { name, provider: this.#provider, place: this.#shell.place, ...report };
  }
}

/** Where the machine hangs, or somebody else is at the node, there is nothing to undo at once. */
export function mayUndo(cause: unknown): boolean {
  return !/^HOST_(?:SILENT|BUSY)$/.test(failureOf(cause).code);
}

/** A name becomes part of paths. */
export function checkedName(name: string): string {
  if (isShortName(name)) return name;
  const what = `node name ${JSON.stringify(name)} is not lower-case letters, digits and inner "-"`;
  throw troupeError('INVALID_ARGUMENT', what);
}

function environmentScript(env: { readonly [name: string]: string }): string {
  const lines = Object.entries(env).map(([name, value]) => {
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      throw troupeError('INVALID_ARGUMENT', `${JSON.stringify(name)} is no variable's name`);
    }
    return `export ${name}='${value.replaceAll("'", `'\\''`)}'\n`;
  });
  return lines.join('');
}
