export { identityFunctions } from './machine/supervisor.ts';
export { type ProcessProviderOptions, processProvider } from './process.ts';
export type {
  Created,
  DestroyOptions,
  NodeSignal,
  NodeSpec,
  NodeState,
  NodeStatus,
  Provider,
  RestartPolicy,
  Signalled,
} from './provider.ts';
export type { HostTrust } from './ssh/host-keys.ts';
export { type SshNodeSpec, type SshProviderOptions, sshProvider } from './ssh.ts';
