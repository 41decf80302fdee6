/** The cluster of this folder, taken for faults by one command, and given back whatever comes. */
import { claimChaos } from '../chaos/claim.ts';
import { connectTo, type Scene } from '../chaos/scene.ts';
import { findDataDir } from '../local/state-file.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { exitCodes } from './exit-code.ts';
import { listenForInterruptions } from './interruptions.ts';
import type { Settings } from './settings.ts';

/** Said on standard error; with `--json` the answer has said it already. */
export function failed(terminal: Terminal, what: string): void {
  terminal.note(terminal.paint('red', what));
  process.exitCode = exitCodes.failed;
}

/** What is missing, and how to bring it back. */
export function notWhole(terminal: Terminal, when: string, missing: readonly string[] = []): void {
  const node = missing.flatMap(
    (what) => /^node (\S+) (?:is away|does not run)$/.exec(what)?.[1] ?? [],
  )[0];
  const back = node === undefined ? '' : `, bring it back by \`troupe node start --name ${node}\``;
  const next = `look with \`troupe status\`${back}`;
  failed(terminal, `UNAVAILABLE: not whole again ${when}: ${missing.join(', ')}; ${next}`);
}

/** Connects, takes the cluster for faults of ours alone, and gives all back whatever comes. */
export async function onScene(
  { terminal, cell, data }: Settings,
  work: (scene: Scene) => Promise<void>,
): Promise<void> {
  const dataDir = findDataDir(cell, data);
  const connected = await connectTo(dataDir);
  const stop = new AbortController();
  const signals = listenForInterruptions();
  void signals.first.then(() => stop.abort());
  // What is frozen is thawed all the same: by the shell that outlives us.
  void signals.second.then(() => process.exit(exitCodes.interrupted));
  try {
    const giveBack = claimChaos(dataDir);
    try {
      await work({
        dataDir,
        ...connected,
        held: new Set(),
        stop: stop.signal,
        say: (line) => terminal.note(line),
        show: (line) => {
          if (terminal.live) terminal.rewrite(line);
        },
      });
    } finally {
      giveBack();
    }
  } finally {
    signals.end();
    await connected.troupe.close();
  }
}
