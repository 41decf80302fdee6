/** The live line under `troupe up`: what the leader says, every two seconds, rewritten in place. */
import { failureOf } from '@troupe/model';
import type { Troupe } from '@troupe/sdk';
import type { Terminal } from '../terminal/terminal.ts';
import { summary } from './status.ts';

const lookMs = 2_000;

export interface Watch {
  end(): Promise<void>;
}

/** Watches only when a person does. */
export function watchCluster(terminal: Terminal, address: string): Watch {
  if (!terminal.live) return { end: async () => undefined };
  let over = false;
  let wake = () => {};
  const watching = (async () => {
    const { connect } = await import('@troupe/sdk');
    const troupe = await connect({ address, connectMs: lookMs });
    while (!over) {
      terminal.rewrite(await look(troupe));
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, lookMs).unref();
      });
    }
    terminal.rewrite('');
    await troupe.close();
  })().catch((cause) => terminal.note(`no live status: ${failureOf(cause).message}`));
  return {
    async end() {
      over = true;
      wake();
      await watching;
    },
  };
}

async function look(troupe: Troupe): Promise<string> {
  try {
    return summary(await troupe.status());
  } catch (cause) {
    const { code, message } = failureOf(cause);
    return `${code}: ${message}`;
  }
}
