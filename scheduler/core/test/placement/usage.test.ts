import { expect, it } from 'vitest';
import { ResourceNames, siteOf } from '../../src/placement/site.ts';
import { Usage } from '../../src/placement/usage.ts';
import { Cluster } from './cluster.ts';

it('a cluster stops being sparse above 62 % and is sparse again below 57 %, without flutter', () => {
  const usage = new Usage();
  const spec = { name: 'n', resources: { cpu: 1, gpu: 100 } };
  usage.joined(siteOf(spec, 0, new ResourceNames()));
  const { ask } = new Cluster([]).task({ resources: { gpu: 1 } });
  const turns: [number, boolean][] = [];
  const look = (used: number) => {
    if (usage.turned()) turns.push([used, usage.sparse]);
  };
  let used = 0;
  for (; used < 70; look(++used)) usage.taken(ask);
  for (; used > 60; look(--used)) usage.given(ask);
  for (; used < 65; look(++used)) usage.taken(ask);
  for (; used > 50; look(--used)) usage.given(ask);
  expect(turns).toEqual([
    [62, false],
    [56, true],
  ]);
});
