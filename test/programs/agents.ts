/** The agent that runs random programs. A bundle of its own: nothing here but what user code is. */
import { actor, type TurnContext } from '@troupe/sdk';
import type { Part, Program } from './program.ts';

type Of<K extends Part[0]> = Extract<Part, readonly [K, ...unknown[]]>;

interface Kept {
  ids: string[];
  sum: number;
}

/** For so long it is waited for a signal; one that does not come then has been lost. */
const signalMsMax = 120_000;
/** A turn may wait several times, also for turns that wait. */
const waitsMs = 1_800_000;

export const Agent = actor('Agent', {
  state: (): Kept => ({ ids: [], sum: 0 }),
  waitsMs,
  methods: {
    async run(c, program: Program): Promise<string> {
      for (const part of program.parts) {
        switch (part[0]) {
          case 'step':
            await c.step(part[1], failing(part), { retries: part[3], backoffMs: [5, 20] });
            break;
          case 'call':
            await call(c, part);
            break;
          case 'send':
            send(c, part);
            break;
          case 'wait':
            await heard(c, part[1]);
            break;
          case 'signal':
            await c.signalTo('Agent', keyOf(part[1]), part[2], part[2]);
            break;
          case 'write':
            c.state.sum += part[1];
            break;
          case 'fail':
            throw new Error(`${program.id} fails as it was drawn`);
        }
      }
      c.state.ids.push(program.id);
      return program.id;
    },
  },
  reads: {
    kept: (c) => ({ ids: [...c.state.ids], sum: c.state.sum }),
  },
});

/** Fails as often as it was drawn, each time that it begins anew: what it comes to is the same. */
function failing([, name, failures]: Of<'step'>) {
  let tries = 0;
  return async () => {
    tries += 1;
    if (tries <= failures) throw new Error(`${name} fails at try ${tries}, as it was drawn`);
    return name;
  };
}

async function call(c: TurnContext<Kept>, [, agent, program, caught]: Of<'call'>): Promise<void> {
  try {
    await c.actor('Agent', keyOf(agent))['run']?.(program);
  } catch (thrown) {
    if (!caught) throw thrown;
  }
}

function send(c: TurnContext<Kept>, [, agent, program, delayMs]: Of<'send'>): void {
  const options = delayMs === 0 ? {} : { delayMs };
  c.send('Agent', keyOf(agent), options)['run']?.(program);
}

async function heard(c: TurnContext<Kept>, name: string): Promise<void> {
  const value = await c.waitFor(name, { limitMs: signalMsMax });
  if (value !== name) throw new Error(`heard ${String(value)}, waiting for ${name}`);
}

/** By which agents are addressed. */
function keyOf(agent: number): string {
  return `agent-${agent}`;
}
