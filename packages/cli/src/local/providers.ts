/** The providers whose nodes lie beside a local cluster's data, so that later commands find them. */
import { join } from 'node:path';
import { type Failure, failureOf, TroupeError } from '@troupe/model';
import {
  type DestroyOptions,
  type Provider,
  processProvider,
  sshProvider,
} from '@troupe/providers';

export function providersOf(dataDir: string) {
  const folder = join(dataDir, 'providers');
  return {
    process: processProvider({ stateDir: join(folder, 'process') }),
    ssh: sshProvider({ stateDir: join(folder, 'ssh') }),
  } satisfies Record<string, Pick<Provider, 'list' | 'destroy' | 'describe' | 'logs' | 'signal'>>;
}

/**
 * Removes the node from wherever it was added; false when it was nowhere. Every provider is asked,
 * also after one that failed. The error says what each of them stopped at, and what is removed
 * already: asked again, the removal goes on from there.
 */
export async function removeNode(
  dataDir: string,
  name: string,
  options: DestroyOptions,
): Promise<boolean> {
  const removed: string[] = [];
  const failures: Failure[] = [];
  for (const provider of Object.values(providersOf(dataDir))) {
    try {
      if (await provider.destroy(name, options)) removed.push(provider.kind);
    } catch (cause) {
      failures.push(failureOf(cause));
    }
  }
  const [first] = failures;
  if (first === undefined) return removed.length > 0;
  const told = [
    ...failures.map(({ message }) => message),
    ...removed.map((kind) => `what the provider ${kind} had of node ${name} is removed`),
    `\`troupe node remove ${name}\` goes on from there`,
  ];
  throw new TroupeError({ ...first, message: told.join('; ') });
}
