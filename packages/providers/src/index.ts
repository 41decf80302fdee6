export { type ProcessProviderOptions, processProvider } from './process.ts';
export type {
  Created,
  DestroyOptions,
  NodeSpec,
  NodeState,
  NodeStatus,
  Provider,
  RestartPolicy,
} from './provider.ts';
export type { HostTrust } from './ssh/host-keys.ts';
export { type SshNodeSpec, type SshProviderOptions, sshProvider } from './ssh.ts';
