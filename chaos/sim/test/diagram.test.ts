import { describe, expect, it } from 'vitest';
import { diagram, type Result, runSeed } from '../src/index.ts';

const arrow = (from: string, to: string, sentAt: number, at: number, text: string) => {
  return { from, to, sentAt, at, text, about: 'default/Agent/k1' };
};
const ending = { at: 20, who: 'node-2.a', text: 'default/Agent/k1 is broken' };

async function firstFailure(): Promise<Result> {
  for (let seed = 1; ; seed++) {
    const result = await runSeed(seed, { mutant: 'result-told-to-another', traced: true });
    if (result.violation !== undefined || seed === 60) return result;
  }
}

describe('a diagram', () => {
  it('has a column for each process, a dot where a message is sent and an arrow where it arrives', () => {
    const arrows = [
      arrow('sched-1', 'node-1.a', 1, 5, 'place 3'),
      arrow('sched-1', 'node-2.a', 2, 4, 'call 7'),
      arrow('node-1.a', 'node-2.a', 6, 7, 'letter 1'),
    ];
    expect(diagram({ arrows, notes: [] }, ending)).toEqual([
      '0 events are left out: not causally before the end, not about it, or too long ago',
      '           sched-1                   node-1.a                  node-2.a',
      '      1.0  ● place 3 (a)             │                         │',
      '      4.0  ○─ call 7 ─────────────────────────────────────────▶●',
      '      5.0  ○─ place 3 (a) ──────────▶●                         │',
      '      7.0  │                         ○─ letter 1 ─────────────▶●',
      '     20.0  ✗ default/Agent/k1 is broken',
    ]);
  });

  it('leaves out what cannot have led to the end, and says how much', () => {
    const arrows = [
      arrow('sched-1', 'node-2.a', 1, 2, 'place 3'),
      arrow('node-2.a', 'node-1.a', 3, 4, 'letter 1'),
      arrow('node-1.a', 'sched-1', 5, 6, 'letter-ack 1'),
    ];
    const lines = diagram({ arrows, notes: [] }, ending);
    expect(lines.join('\n')).toContain('place 3');
    expect(lines.join('\n')).not.toContain('letter');
    expect(lines[0]).toContain('2 events are left out');
  });

  it('follows a message to what led to its sending, through other processes and logs', () => {
    const arrows = [
      arrow('node-1.a', 'turns-node-1_a', 1, 1, 'turn 4'),
      arrow('turns-node-1_a', 'sched-1', 2, 2, 'is read'),
      arrow('sched-1', 'node-2.a', 3, 8, 'place 5'),
    ];
    const text = diagram({ arrows, notes: [] }, ending).join('\n');
    for (const event of ['turn 4', 'is read', 'place 5']) expect(text).toContain(event);
  });

  it('shows what was lost, what was written, and what happened to a process', () => {
    const arrows = [
      { ...arrow('sched-1', 'node-2.a', 1, 1, 'place 3'), fate: 'cut off' },
      arrow('sched-1', 'journal-1', 2, 2, 'actor-placed'),
      arrow('sched-1', 'node-2.a', 3, 4, 'place 3'),
    ];
    const notes = [{ at: 5, who: 'node-2.a', text: 'is killed' }];
    const text = diagram({ arrows, notes }, ending).join('\n');
    expect(text).toContain('● place 3 to node-2.a ✗ cut off');
    expect(text).toContain('■ writes actor-placed');
    expect(text).toContain('■ is killed');
  });

  it('of a failing seed ends with what is broken, within 100 columns and so many lines', async () => {
    const { trace, violation } = await firstFailure();
    if (trace === undefined || violation === undefined) throw new Error('no seed fails');
    const lines = diagram(trace, violation, 40);
    expect(lines.length).toBeLessThan(46);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(lines.join(' ').replace(/\s+/g, ' ')).toContain(`✗ ${violation.text}`);
  });
});
