/**
 * Asks a gateway for its health, by the standard gRPC protocol: `node health.mjs HOST:PORT`.
 * Exit code 0: it serves. 1: it does not, or does not answer within two seconds.
 */
import { createRequire } from 'node:module';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const address = process.argv[2] ?? '127.0.0.1:7411';
const { protoPath } = createRequire(import.meta.url)('grpc-health-check');
const { grpc: definitions } = grpc.loadPackageDefinition(loader.loadSync(protoPath));
const client = new definitions.health.v1.Health(address, grpc.credentials.createInsecure());
client.check({ service: '' }, { deadline: Date.now() + 2_000 }, (error, answer) => {
  const serves = error === null && answer.status === 'SERVING';
  if (!serves) console.error(`${address}: ${error?.message ?? answer.status}`);
  process.exit(serves ? 0 : 1);
});
