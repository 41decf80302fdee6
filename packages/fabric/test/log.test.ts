import type { LogRecord, Logs } from '@troupe/fabric';
import { decode, encode, logName, TroupeError } from '@troupe/model';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestServers } from './cluster-servers.ts';

const servers = new TestServers();
beforeAll(() => servers.start());
afterAll(() => servers.stop());

const log = logName('turns-n1_aaaaaaaa');
const opening = encode({ opened: 1 });

async function all(logs: Logs, from = 1, to?: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of logs.read(log, from, to)) records.push(record);
  return records;
}

describe('a log', () => {
  test('gives back what was appended, in order, after its opening record', async () => {
    const { logs } = await servers.open();
    await logs.create(log, opening);
    const writer = await logs.writer(log);
    expect(await writer.append([encode('a'), encode('b')])).toBe(3);
    expect(await writer.append([encode('c')])).toBe(4);
    const records = await all(logs);
    expect(records.map((record) => [record.position, record.kind])).toEqual([
      [1, 'open'],
      [2, 'rec'],
      [3, 'rec'],
      [4, 'rec'],
    ]);
    expect(records.slice(1).map((record) => decode(record.body))).toEqual(['a', 'b', 'c']);
    const sealed = await logs.seal(log, encode('x'));
    expect(sealed).toBe(5);
    expect(await logs.seal(log, encode('y'))).toBe(5);
    await expect(writer.append([encode('d')])).rejects.toThrow(TroupeError);
    expect((await all(logs)).length).toBe(5);
    await expect(logs.writer(log)).rejects.toMatchObject({ code: 'DEPOSED' });
  });
});
