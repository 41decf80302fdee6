/**
 * `DeploymentsService`: a bundle's bytes go to the object store, a node loads them once to see what
 * they declare, and only then the leader is asked to record the deployment. Rollouts: `rollouts.ts`.
 */
import {
  type Bytes,
  bundleHash,
  failure,
  type Inspected,
  limits,
  type Manifest,
  type TenantName,
  TroupeError,
  troupeError,
} from '@troupe/model';
import { tenantOf } from './checked.ts';
import { type Asked, clientStream, unary } from './coded.ts';
import type { Gateway } from './gateway.ts';
import {
  type ChangeRolloutRequest,
  changeRollout,
  listRollouts,
  type StartRolloutRequest,
  startRollout,
} from './rollouts.ts';

interface DeployRequest {
  readonly tenant: string;
  readonly chunk: Uint8Array;
}

/** A node gives a bundle up after `bundleLoadMs`; it must have been able to say so. */
const inspectMsMax = limits.bundleLoadMs + 5_000;

/** Nodes tried when one does not answer. */
const nodesTriedMax = 3;

export function deploymentsService(gateway: Gateway) {
  return {
    Deploy: clientStream(gateway, (chunks: AsyncIterable<DeployRequest>) =>
      deploy(gateway, chunks),
    ),
    StartRollout: unary(gateway, (asked: Asked<StartRolloutRequest>) =>
      startRollout(gateway, asked),
    ),
    ChangeRollout: unary(gateway, (asked: Asked<ChangeRolloutRequest>) =>
      changeRollout(gateway, asked),
    ),
    ListRollouts: unary(gateway, (asked: Asked<{ readonly tenant: string }>) =>
      listRollouts(gateway, asked),
    ),
  };
}

async function deploy(gateway: Gateway, chunks: AsyncIterable<DeployRequest>) {
  const { tenant, bytes } = await gathered(chunks);
  const bundle = bundleHash(await gateway.objects.put(bytes));
  await gateway.fresh();
  const manifest = await inspected(gateway, bundle);
  const body = { kind: 'deploy', tenant, bundle, manifest, bytes: bytes.length } as const;
  const answer = await gateway.requests.ask(body);
  if (answer.kind !== 'deployed') throw troupeError('INTERNAL', `answered by "${answer.kind}"`);
  return {
    bundle,
    actors: manifest.actors.map((actor) => actor.type),
    tasks: manifest.tasks.map((task) => task.name),
    workflows: manifest.workflows.map((workflow) => workflow.name),
  };
}

async function gathered(
  chunks: AsyncIterable<DeployRequest>,
): Promise<{ tenant: TenantName; bytes: Bytes }> {
  const parts: Uint8Array[] = [];
  let tenant: TenantName | undefined;
  let size = 0;
  for await (const { tenant: name, chunk } of chunks) {
    tenant ??= tenantOf(name);
    size += chunk.length;
    if (size > limits.bundleBytesMax) {
      const text = `the bundle has more than ${limits.bundleBytesMax} bytes`;
      throw troupeError('TOO_LARGE', text, { argument: 'chunk' });
    }
    parts.push(chunk);
  }
  if (tenant === undefined || size === 0) {
    throw troupeError('INVALID_ARGUMENT', 'the bundle is empty', { argument: 'chunk' });
  }
  return { tenant, bytes: Buffer.concat(parts) };
}

async function inspected(gateway: Gateway, bundle: string): Promise<Manifest> {
  let last: unknown = troupeError('NO_NODES', `no node is there to load bundle ${bundle}`);
  for (const node of gateway.routes.aliveNodes().slice(0, nodesTriedMax)) {
    try {
      const question = { kind: 'inspect-bundle', bundle };
      const subject = `${node.subject}.inspect`;
      const answer = parsed(await gateway.bus.ask(subject, question, inspectMsMax));
      if ('manifest' in answer) return answer.manifest;
      throw new TroupeError(answer.failure);
    } catch (thrown) {
      if (!(thrown instanceof TroupeError) || thrown.code !== 'UNAVAILABLE') throw thrown;
      const text = `node ${node.incarnation} did not answer to load bundle ${bundle}`;
      last = new TroupeError(failure('NO_NODES', text), { cause: thrown });
    }
  }
  throw last;
}

function parsed(answer: unknown): Inspected {
  if (typeof answer === 'object' && answer !== null) {
    if ('manifest' in answer || 'failure' in answer) return answer as Inspected;
  }
  throw troupeError('INTERNAL', 'a node answered an inspection with something else');
}
