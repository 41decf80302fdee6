/** The agent that runs random programs. A bundle of its own: nothing here but what user code is. */
import { actor, type UntypedCalls } from '@troupe/sdk';
import type { Part, Program } from './program.ts';

export const Agent = actor('Agent', {
  state: () => ({ ids: [] as string[], sum: 0 }),
  methods: {
    async run(c, program: Program): Promise<string> {
      for (const part of program.parts) {
        switch (part[0]) {
          case 'step':
            await c.step(part[1], failing(part), { retries: part[3], backoffMs: [5, 20] });
            break;
          case 'call':
            await call(c.actor('Agent', keyOf(part[1])), part);
            break;
          case 'send':
            c.send('Agent', keyOf(part[1]))['run']?.(part[2]);
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
    ids: (c) => [...c.state.ids],
    sum: (c) => c.state.sum,
  },
});

/** Fails as often as it was drawn, each time that it begins anew: what it comes to is the same. */
function failing([, name, failures]: Extract<Part, readonly ['step', ...unknown[]]>) {
  let tries = 0;
  return async () => {
    tries += 1;
    if (tries <= failures) throw new Error(`${name} fails at try ${tries}, as it was drawn`);
    return name;
  };
}

async function call(
  agent: UntypedCalls,
  [, , program, caught]: Extract<Part, readonly ['call', ...unknown[]]>,
): Promise<void> {
  try {
    await agent['run']?.(program);
  } catch (thrown) {
    if (!caught) throw thrown;
  }
}

/** By which agents are addressed. */
function keyOf(agent: number): string {
  return `agent-${agent}`;
}
