/**
 * Asks a gateway for its health, by the standard gRPC protocol: `node health.mjs HOST:PORT`.
 * Exit code 0: it serves. 1: it does not, or does not answer within two seconds.
 */
import { createRequire } from 'node:module';

// It speaks with the libraries that the scheduler declares.
const require = createRequire(new URL('../scheduler/server/package.json', import.meta.url));
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const { protoPath } = require('grpc-health-check');

const address = process.argv[2] ?? '127.0.0.1:7411';
const { grpc: definitions } = grpc.loadPackageDefinition(
  loader.loadSync(protoPath, { enums: String }),
);
const client = new definitions.health.v1.Health(address, grpc.credentials.createInsecure());
client.check({ service: '' }, { deadline: Date.now() + 2_000 }, (error, answer) => {
  const serves = error === null && answer.status === 'SERVING';
  if (!serves) console.error(`${address}: ${error?.message ?? answer.status}`);
  process.exit(serves ? 0 : 1);
});
