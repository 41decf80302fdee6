/** The wall clock of one node jumps, by libfaketime; its monotonic clock goes on. */
import { join } from 'node:path';
import { isUnderFalseClock, setFalseClock, underFalseClock } from '../cluster/false-clock.ts';
import { dataDirOf } from '../cluster/stage.ts';
import { type Fault, holdOne } from './fault.ts';

/** The node is started again under the library, its clock jumps, and it goes back to none. */
export const clockJump: Fault = {
  lastsMs: [2_000, 5_000],
  lacks: ({ faketime }) => (faketime === undefined ? 'libfaketime is not installed' : undefined),
  async inject(stage, random) {
    const { faketime } = stage.setting;
    const member = await holdOne(stage, random, 'node');
    if (member === undefined || faketime === undefined) return undefined;
    const file = join(dataDirOf(stage.dir), `${member.name}.clock`);
    setFalseClock(file, 0);
    await member.renew({ env: underFalseClock(faketime, file) });
    const pid = await member.pid();
    const jumpSeconds = random.between(60, 7_200) * (random.chance(0.5) ? 1 : -1);
    setFalseClock(file, jumpSeconds);
    const under = pid !== undefined && isUnderFalseClock(pid, faketime);
    return {
      target: `${member.name} (${jumpSeconds} s)`,
      async undo() {
        await member.renew({});
        stage.warden.release(member);
      },
      befallen: () => (under ? 1 : 0),
    };
  },
};
