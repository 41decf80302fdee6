/** The providers whose nodes lie beside a local cluster's data, so that later commands find them. */
import { join } from 'node:path';
import { type Provider, processProvider, sshProvider } from '@troupe/providers';

export function providersOf(dataDir: string) {
  const folder = join(dataDir, 'providers');
  return {
    process: processProvider({ stateDir: join(folder, 'process') }),
    ssh: sshProvider({ stateDir: join(folder, 'ssh') }),
  } satisfies Record<string, Pick<Provider, 'list' | 'destroy' | 'describe' | 'logs' | 'signal'>>;
}
