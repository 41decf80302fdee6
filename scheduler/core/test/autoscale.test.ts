import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type ClockRule,
  clockRule,
  Degradation,
  forecastTerms,
  Group,
  type GroupTerms,
  type GroupView,
  HoltWinters,
  isOn,
  measures,
  smoothing,
  thresholdTerms,
} from '../src/autoscale/index.ts';

const sunday = { weekday: 0, minute: 600 };
const quiet: GroupView = { ready: 0, starting: 0, busy: 0, queued: 0 };

function rule(text: string): ClockRule {
  const parsed = clockRule(text);
  if ('fault' in parsed) throw new Error(parsed.fault);
  return parsed;
}

it('grows above 80 % in use, rests 60 s, shrinks below 30 % and rests 300 s', () => {
  const group = new Group(0, { min: 3, max: 20, threshold: thresholdTerms });
  const decide = (at: number, ready: number, busy: number) =>
    group.decide(at * 1_000, sunday, { ...quiet, ready, busy });
  expect(decide(0, 3, 3)).toMatchObject({ size: 4, start: 1, rule: 'threshold' });
  expect(decide(59, 4, 4).size).toBe(4);
  expect(decide(60, 4, 4)).toMatchObject({ size: 5, reason: '100 % in use, above 80 %' });
  expect(decide(200, 5, 3).size).toBe(5);
  expect(decide(359, 5, 1).size).toBe(5);
  expect(decide(360, 5, 1)).toMatchObject({ size: 4, stop: 1, reason: '20 % in use, below 30 %' });
  expect(decide(661, 4, 0).size).toBe(3);
  expect(decide(999, 3, 0)).toMatchObject({ size: 3, rule: 'floor', reason: 'min 3' });
});

it('asks for a member for each so many tasks that wait or run, and says so', () => {
  const group = new Group(0, { min: 0, max: 10, queue: { perMember: 4 } });
  expect(group.decide(0, sunday, { ...quiet, queued: 9, ready: 1, busy: 1 })).toEqual({
    size: 3,
    start: 2,
    stop: 0,
    rule: 'queue',
    reason: '9 tasks wait and 1 run, 4 for each member',
  });
  expect(group.decide(1, sunday, { ...quiet, queued: 900 })).toMatchObject({
    size: 10,
    rule: 'max',
    reason: 'max 10, though 900 tasks wait and 0 run, 4 for each member',
  });
});

it('keeps at least 10 on weekdays from 8 to 18, and not a minute longer', () => {
  const group = new Group(0, { min: 2, max: 20, clock: [rule('min 10 on weekdays 8-18')] });
  const size = (weekday: number, hour: number, minute = 0) =>
    group.decide(0, { weekday, minute: hour * 60 + minute }, quiet).size;
  expect([size(1, 7, 59), size(1, 8), size(5, 17, 59), size(5, 18), size(6, 12)]).toEqual([
    2, 10, 10, 2, 2,
  ]);
  expect(group.decide(0, { weekday: 3, minute: 720 }, quiet).reason).toBe(
    'the clock: min 10 on weekdays 8-18',
  );
  // As people, and what they paste from, write it.
  const { text, ...printed } = rule('min 10 on weekdays 8–18');
  expect(rule('min 10 on weekdays 8-18')).toMatchObject(printed);
});

it('lets a clock rule pass midnight, and refuses one that makes no sense with the reason', () => {
  const night = rule('min 3 on fri,sat 22:30-6');
  expect(isOn(night, { weekday: 5, minute: 22 * 60 + 29 })).toBe(false);
  expect(isOn(night, { weekday: 5, minute: 22 * 60 + 30 })).toBe(true);
  expect(isOn(night, { weekday: 0, minute: 5 * 60 })).toBe(true);
  expect(isOn(night, { weekday: 5, minute: 5 * 60 })).toBe(false);
  for (const text of [
    '10 on weekdays',
    'min 10 on someday 8-18',
    'min 1 on mon 8-25',
    'min 1 on mon 8-8',
    'min 1 on days 24-0',
    'min 1 on constructor',
  ]) {
    expect(clockRule(text)).toMatchObject({
      fault: expect.stringContaining(`"${text}" is refused`),
    });
  }
});

it('falls to zero when nothing arrives, waits or runs, and one task wakes it', () => {
  const terms: GroupTerms = { min: 0, max: 5, forecast: forecastTerms, idle: { afterMs: 600_000 } };
  const group = new Group(0, terms);
  group.arrived(1_000);
  group.ended(2_000, 1_000);
  const idle = { ...quiet, ready: 2 };
  expect(group.decide(601_999, sunday, idle).size).toBeGreaterThan(0);
  expect(group.decide(602_000, sunday, idle)).toMatchObject({
    size: 0,
    stop: 2,
    rule: 'idle',
    reason: 'nothing arrived, waits or runs for 600 s',
  });
  group.arrived(700_000);
  expect(group.decide(700_000, sunday, { ...quiet, queued: 1 }).size).toBeGreaterThan(0);
  const bare = new Group(0, { min: 0, max: 5 });
  expect(bare.decide(0, sunday, { ...quiet, queued: 3 })).toMatchObject({ size: 1, rule: 'wake' });
});

it('falls to zero by night and not by day when the clock says so', () => {
  const clock = [rule('min 3 on days 8-18')];
  const group = new Group(0, { min: 0, max: 5, clock, idle: { afterMs: 60_000 } });
  const decide = (hour: number) =>
    group.decide(hour * 3_600_000, { weekday: 2, minute: hour * 60 }, { ...quiet, ready: 3 });
  expect(decide(7)).toMatchObject({ size: 0, rule: 'idle' });
  expect(decide(8)).toMatchObject({ size: 3, reason: 'the clock: min 3 on days 8-18' });
  expect(decide(18)).toMatchObject({ size: 0, stop: 3, rule: 'idle' });
});

it('falls to zero no sooner than it was idle for so long, whatever else it goes by', () => {
  const idle = { afterMs: 300_000 };
  for (const rules of [
    {},
    { queue: { perMember: 4 } },
    { threshold: { ...thresholdTerms, downRestMs: 1_000 } },
  ]) {
    const group = new Group(0, { min: 0, max: 5, ...rules, idle });
    expect(group.decide(1_000, sunday, { ...quiet, queued: 8 }).size).toBeGreaterThan(0);
    for (let at = 2_000; at < 301_000; at += 1_000) {
      const { size, reason } = group.decide(at, sunday, { ...quiet, ready: 1 });
      expect([at, size >= 1, reason]).toEqual([at, true, reason]);
    }
    const view = { ...quiet, ready: 1 };
    expect(group.decide(301_000, sunday, view)).toMatchObject({ size: 0, rule: 'idle' });
    expect(group.decide(900_000, sunday, quiet).size).toBe(0);
  }
});

it('keeps a group that runs one long task out of zero, though that reserves nothing', () => {
  const group = new Group(0, { min: 0, max: 5, queue: { perMember: 1 }, idle: { afterMs: 1_000 } });
  const view = { ...quiet, ready: 1, busy: 0, running: 1 };
  for (const at of [500, 5_000, 50_000]) expect(group.decide(at, sunday, view).size).toBe(1);
});

it('keeps a group that runs one long task out of zero', () => {
  const group = new Group(0, { min: 0, max: 5, queue: { perMember: 1 }, idle: { afterMs: 1_000 } });
  expect(group.decide(5_000, sunday, { ...quiet, ready: 1, busy: 1 }).size).toBe(1);
});

it('keeps a stateless pool at N, replaces who is lost, and scales it between its bounds', () => {
  const kept = new Group(0, { min: 3, max: 3 });
  expect(kept.decide(0, sunday, { ...quiet, ready: 3 })).toMatchObject({ start: 0, stop: 0 });
  expect(kept.decide(1, sunday, { ...quiet, ready: 1, starting: 1 })).toMatchObject({ start: 1 });
  expect(kept.decide(2, sunday, { ...quiet, ready: 5, queued: 99 })).toMatchObject({ stop: 2 });
  const scaled = new Group(0, { min: 2, max: 6, queue: { perMember: 2 } });
  const sizes = [0, 7, 100].map(
    (queued) => scaled.decide(3, sunday, { ...quiet, ready: 2, queued }).size,
  );
  expect(sizes).toEqual([2, 4, 6]);
});

it('orders members before a load that rises steadily reaches them', () => {
  const group = new Group(0, { min: 0, max: 200, forecast: forecastTerms });
  let size = 0;
  for (let second = 0; second < 900; second++) {
    const rate = second / 30;
    for (let task = 0; task < Math.floor(rate); task++) group.arrived(second * 1_000);
    group.ended(second * 1_000, 1_000);
    size = group.decide(second * 1_000, sunday, { ...quiet, ready: 30 }).size;
  }
  expect(size).toBeGreaterThan(31);
  expect(size).toBeLessThan(60);
});

it('staffs for what will be there when a member started now is ready, not for what is there', () => {
  const undamped = { ...smoothing, level: 0.5, trend: 0.3, damping: 1 };
  const forecast = { ...forecastTerms, caution: 0, smoothing: undamped };
  const group = new Group(0, { min: 0, max: 999, forecast });
  let size = 0;
  for (let second = 0; second < 900; second++) {
    for (let task = 0; task < Math.floor(second / 3); task++) group.arrived(second * 1_000);
    group.ended(second * 1_000, 1_000);
    size = group.decide(second * 1_000, sunday, { ...quiet, ready: 300 }).size;
  }
  // 300 at once now, and 320 in the 60 s that a start takes.
  expect(Math.abs(size - 317)).toBeLessThanOrEqual(5);
});

it('orders nobody for tasks that will be done before anybody new is ready', () => {
  const decide = (ready: number) => {
    const group = new Group(0, { min: 1, max: 500, forecast: forecastTerms });
    for (let second = 0; second < 300; second++) group.ended(second * 1_000, 10_000);
    return group.decide(300_000, sunday, { ...quiet, ready, busy: ready, queued: 40 });
  };
  expect(decide(10).start).toBe(0);
  expect(decide(1)).toMatchObject({ rule: 'forecast' });
  expect(decide(1).start).toBeGreaterThan(2);
});

it('asks for less only when it has been less for as long as it holds', () => {
  const sizes = (holdMs: number) => {
    const group = new Group(0, { min: 0, max: 99, forecast: { ...forecastTerms, holdMs } });
    const found: number[] = [];
    for (let second = 0; second < 600; second += 1) {
      if (second < 300) for (let task = 0; task < 20; task++) group.arrived(second * 1_000);
      found.push(group.decide(second * 1_000, sunday, { ...quiet, ready: 20 }).size);
    }
    return found;
  };
  const [held, loose] = [sizes(120_000), sizes(0)];
  expect(held[410]).toBe(Math.max(...held.slice(300)));
  expect(loose[410]).toBeLessThan(held[410] ?? 0);
  expect(held[599]).toBeLessThan(held[410] ?? 0);
});

it('keeps members for all that was at work at once lately, when it is told to, whatever is forecast', () => {
  const sizes = (perTask: number) => {
    const terms = { ...forecastTerms, caution: 0, holdMs: 60_000, perTask };
    const group = new Group(0, { min: 0, max: 99, forecast: terms });
    const found: number[] = [];
    for (let second = 0; second < 400; second++) {
      const [busy, queued] = second === 200 ? [16, 4] : [0, 0];
      const view = { ...quiet, ready: 20, busy, queued };
      found.push(group.decide(second * 1_000, sunday, view).size);
    }
    return found;
  };
  const [kept, bare] = [sizes(1.5), sizes(0)];
  expect([kept[199], kept[200], kept[260], kept[261]]).toEqual([0, 30, 30, 0]);
  expect(bare[201]).toBe(0);
});

it('calls nobody off whom it has ordered while what they were ordered for still waits', () => {
  const group = new Group(0, { min: 1, max: 500, forecast: forecastTerms });
  for (let second = 0; second < 300; second++) group.ended(second * 1_000, 10_000);
  const burst = { ...quiet, ready: 1, busy: 1, queued: 200 };
  const { size } = group.decide(300_000, sunday, burst);
  expect(size).toBeGreaterThan(60);
  const some = { ...burst, ready: 30, starting: size - 30, busy: 30 };
  expect(group.decide(301_000, sunday, some)).toMatchObject({ size, start: 0, stop: 0 });
});

it('lets nobody go while members start, when it goes by what was at work lately', () => {
  const forecast = { ...forecastTerms, caution: 0, holdMs: 60_000, perTask: 1 };
  const group = new Group(0, { min: 0, max: 99, forecast });
  const decide = (second: number, view: Partial<GroupView>) =>
    group.decide(second * 1_000, sunday, { ...quiet, ...view }).size;
  for (let second = 0; second < 200; second++) decide(second, {});
  expect(decide(200, { queued: 20 })).toBe(20);
  // All was done by a few, and the others have not come yet.
  expect(decide(300, { ready: 5, starting: 15 })).toBe(20);
  expect(decide(301, { ready: 20 })).toBe(0);
});

it('lets nobody go before it has seen enough, when it takes a group over', () => {
  const group = new Group(0, { min: 0, max: 50, forecast: forecastTerms }, 12);
  const sizes: number[] = [];
  for (let second = 0; second <= 300; second += 10) {
    sizes.push(group.decide(second * 1_000, sunday, { ...quiet, ready: 12 }).size);
  }
  expect(sizes.slice(0, 7)).toEqual(Array.from({ length: 7 }, () => 12));
  expect(sizes.at(-1)).toBeLessThan(12);
});

it('forecasts members, each of which does so many tasks at once', () => {
  const sizes = [1, 8].map((perMember) => {
    const terms = { min: 0, max: 1_000, queue: { perMember }, forecast: forecastTerms };
    const group = new Group(0, terms);
    // Eight a second of ten seconds each are 80 at once.
    for (let at = 0; at < 600_000; at += 125) {
      group.arrived(at);
      group.ended(at, 10_000);
    }
    const view = { ...quiet, ready: 80 / perMember, busy: 80 / perMember, running: 80 };
    return group.decide(600_000, sunday, view);
  });
  expect(sizes[0]).toMatchObject({ rule: 'forecast' });
  expect(sizes[1]).toMatchObject({ rule: 'forecast', size: Math.ceil((sizes[0]?.size ?? 0) / 8) });
  expect(sizes[1]?.reason).toContain('8 for each member');
});

it('says so when the clock asks for more than there may be', () => {
  const group = new Group(0, { min: 1, max: 4, clock: [rule('min 10 on days 8-18')] });
  expect(group.decide(0, { weekday: 1, minute: 600 }, quiet)).toMatchObject({
    size: 4,
    rule: 'max',
    reason: 'max 4, though the clock: min 10 on days 8-18',
  });
});

it('knows a season by heart after it has seen it', () => {
  const model = new HoltWinters({ ...smoothing, seasonLength: 24 });
  const load = (hour: number) => (hour % 24 >= 8 && hour % 24 < 18 ? 100 : 20);
  for (let hour = 0; hour < 24 * 14; hour++) model.observe(load(hour));
  const off = Array.from({ length: 24 }, (_, at) =>
    Math.abs(model.ahead(at + 1) - load(24 * 14 + at)),
  );
  expect(Math.max(...off)).toBeLessThan(10);
  const plain = new HoltWinters(smoothing);
  for (let hour = 0; hour < 24 * 14; hour++) plain.observe(load(hour));
  expect(Math.abs(plain.ahead(12) - load(12))).toBeGreaterThan(30);
});

it('refuses terms that contradict themselves', () => {
  expect(() => new Group(0, { min: 5, max: 4 })).toThrow('bounds 5 and 4 are refused');
  expect(() => new Group(0, { min: 1, max: 4, idle: { afterMs: 1 } })).toThrow(
    'never falls to zero',
  );
  expect(() => new Group(0, { min: 1, max: 4, queue: { perMember: 0 } })).toThrow('more than 0');
  const upside = { ...thresholdTerms, upShare: 0.2 };
  expect(() => new Group(0, { min: 1, max: 4, threshold: upside })).toThrow('must rise');
  expect(() => new HoltWinters({ ...smoothing, level: Number.NaN })).toThrow('no share');
});

const events = fc.array(
  fc.record({
    afterMs: fc.integer({ min: 0, max: 400_000 }),
    arrivals: fc.nat(30),
    ready: fc.nat(30),
    starting: fc.nat(10),
    queued: fc.nat(200),
    minute: fc.nat(1_439),
  }),
  { maxLength: 60, size: 'max' },
);

it('stays within its bounds whatever happens, and decides the same for the same events', () => {
  const terms: GroupTerms = {
    min: 0,
    max: 12,
    threshold: thresholdTerms,
    queue: { perMember: 3 },
    forecast: forecastTerms,
    clock: [rule('min 5 on days 8-18')],
    idle: { afterMs: 300_000 },
  };
  fc.assert(
    fc.property(events, (given) => {
      const play = () => {
        const group = new Group(0, terms);
        let now = 0;
        return given.map(({ afterMs, arrivals, minute, ...view }) => {
          now += afterMs;
          for (let task = 0; task < arrivals; task++) group.arrived(now);
          if (arrivals > 0) group.ended(now, afterMs / arrivals);
          const busy = Math.min(view.ready, arrivals);
          return { minute, ...group.decide(now, { weekday: 2, minute }, { ...view, busy }) };
        });
      };
      const decided = play();
      expect(play()).toEqual(decided);
      for (const { size, start, stop, minute, reason } of decided) {
        expect(size).toBeGreaterThanOrEqual(minute >= 480 && minute < 1_080 ? 5 : 0);
        expect(size).toBeLessThanOrEqual(12);
        expect(Math.min(start, stop)).toBe(0);
        expect(reason).not.toBe('');
      }
    }),
  );
});

const calm = { queueShare: 0, memoryShare: 0, journalShare: 0 };

it('gives things up in the stated order under pressure, and takes them back in reverse', () => {
  const degradation = new Degradation();
  const names = measures.map(({ name }) => name);
  expect(names).toEqual([
    'prewarming',
    'rebalancing',
    'frequent-checkpoints',
    'progress-reports',
    'low-priority-admission',
    'normal-priority-admission',
  ]);
  const lost: string[] = [];
  for (let now = 0; now <= 60_000; now += 1_000) {
    const change = degradation.feel(now, { ...calm, memoryShare: 0.95 });
    if (change !== undefined) lost.push(`${now} ${change.kind} ${change.measure}`);
  }
  expect(lost).toEqual(names.map((name, at) => `${5_000 * (at + 1)} given-up ${name}`));
  expect(degradation.has('prewarming')).toBe(false);
  const back: string[] = [];
  for (let now = 61_000; now <= 400_000; now += 1_000) {
    const change = degradation.feel(now, calm);
    if (change !== undefined) back.push(change.measure);
  }
  expect(back).toEqual([...names].reverse());
  expect(degradation.givenUp()).toEqual([]);
});

it.each(['queueShare', 'memoryShare', 'journalShare'] as const)(
  'gives something up for the pressure of %s alone, and keeps it so while that is in between',
  (source) => {
    const degradation = new Degradation();
    for (let now = 0; now <= 12_000; now += 1_000) degradation.feel(now, { ...calm, [source]: 1 });
    expect(degradation.givenUp()).toEqual(['prewarming', 'rebalancing']);
    for (let now = 13_000; now <= 300_000; now += 1_000) {
      expect(degradation.feel(now, { ...calm, [source]: 0.75 })).toBeUndefined();
    }
    expect(degradation.givenUp()).toEqual(['prewarming', 'rebalancing']);
  },
);

it('does not flap when the pressure comes and goes, and says what it gave up and why', () => {
  const degradation = new Degradation();
  for (let now = 0; now < 100_000; now += 1_000) {
    const journalShare = now % 4_000 < 2_000 ? 1 : 0.7;
    expect(degradation.feel(now, { ...calm, journalShare })).toBeUndefined();
  }
  const hard = { ...calm, journalShare: 1 };
  degradation.feel(200_000, { ...calm, journalShare: 0.7 });
  degradation.feel(201_000, hard);
  expect(degradation.feel(206_000, hard)).toEqual({
    kind: 'given-up',
    measure: 'prewarming',
    reason: 'the journal at 100 % for 5000 ms; nothing is started ahead of need',
  });
  expect(degradation.has('rebalancing')).toBe(true);
});
