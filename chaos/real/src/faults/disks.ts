/** The broker's disk is full; then there is room again, and an operator restarts the broker. */
import { type Fault, holdServer } from './fault.ts';

export const fillDisk: Fault = {
  lastsMs: [500, 3_000],
  async inject(stage) {
    const { disk, servers, warden } = stage;
    if (disk === undefined || !holdServer(stage, 'nats')) return undefined;
    disk.fill();
    return {
      target: 'nats',
      async undo() {
        disk.empty();
        await servers.restart('nats');
        warden.release('nats');
      },
    };
  },
};
