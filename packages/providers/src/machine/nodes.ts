/** The nodes under one root folder of a machine, by its shell. */
import { isShortName, troupeError } from '@troupe/model';
import {
  type Created,
  type DestroyOptions,
  type NodeSignal,
  type NodeSpec,
  type NodeStatus,
  restartPolicy,
  type Signalled,
} from '../provider.ts';
import { readReport, startFailure } from './node-report.ts';
import {
  describeScript,
  destroyScript,
  listScript,
  logsScript,
  startScript,
} from './node-scripts.ts';
import type { Shell } from './shell.ts';
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
      const now = await this.describe(spec.name);
      if (now?.state.kind !== 'running') await this.destroy(spec.name, { drainMsMax: 0 });
      throw cause;
    }
  }

  async #start(spec: NodeSpec, { program, main }: Programs): Promise<Created> {
    const { name, env = {}, readyMsMax = readyMsDefault } = spec;
    const policy = { ...restartPolicy, ...spec.restart };
    const environment = environmentScript(env);
    const config = {
      ...spec.shared,
      node: { ...spec.node, name, data: `${this.#root}/nodes/${name}/data` },
    };
    const said = await this.#shell.run(
      startScript,
      [
        ...[this.#root, name, program, main, Buffer.byteLength(environment)],
        ...[Math.ceil(readyMsMax / 1_000), policy.pauseMs, policy.pauseMsMax],
        ...[policy.steadyMs, policy.crashesMax],
      ],
      { text: `${environment}${JSON.stringify(config, null, 2)}\n` },
    );
    const [answer, ...report] = said.split('\n');
    if (answer === 'ended') {
      await this.destroy(name, { drainMsMax: 0 });
      throw startFailure(name, this.#shell.place, report);
    }
    return { ...this.#status(name, report), created: answer === 'ready' };
  }

  async describe(name: string): Promise<NodeStatus | undefined> {
    const said = await this.#shell.run(describeScript, [this.#root, checkedName(name)]);
    const lines = said.split('\n');
    return lines[0] === 'absent' ? undefined : this.#status(name, lines);
  }

  async list(): Promise<readonly NodeStatus[]> {
    const said = await this.#shell.run(listScript, [this.#root, 'all']);
    const names = said.split('\n').filter(isShortName);
    const found = await Promise.all(names.map((name) => this.describe(name)));
    return found.flatMap((status) => (status === undefined ? [] : [status]));
  }

  async destroy(name: string, options: DestroyOptions = {}): Promise<boolean> {
    const seconds = Math.ceil((options.drainMsMax ?? drainMsDefault) / 1_000);
    const args = [this.#root, checkedName(name), seconds];
    return (await this.#shell.run(destroyScript, args)).trimEnd() === 'destroyed';
  }

  logs(name: string, lines: number = linesDefault): Promise<string> {
    return this.#shell.run(logsScript, [this.#root, checkedName(name), lines]);
  }

  async signal(name: string, given: NodeSignal): Promise<Signalled | undefined> {
    const { to = 'node', signal, which = 0, thawAfterMs = '-', againAfterMs = '-' } = given;
    const said = await this.#shell.run(signalScript, [
      ...[this.#root, checkedName(name), to, signal.replace(/^SIG/, '')],
      ...[which, thawAfterMs, againAfterMs],
    ]);
    const [, pid] = /^signalled (\d+)/.exec(said) ?? [];
    return pid === undefined ? undefined : { pid: Number(pid) };
  }

  #status(name: string, report: readonly string[]): NodeStatus {
    return { name, provider: this.#provider, place: this.#shell.place, ...readReport(report) };
  }
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
