/** One run at a time in a folder: a second one would take away the data of the first. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { procFile, signal } from './cluster/member.ts';

/** Takes the folder until this process ends; answers the pid of the run that has it, if one does. */
export function occupy(dir: string): number | undefined {
  const file = join(dir, 'running');
  const [pid = 0, began = ''] = wordsOf(file);
  if (Number(pid) > 0 && signal(Number(pid), 0) && began === beginningOf(Number(pid))) {
    return Number(pid);
  }
  writeFileSync(file, `${process.pid} ${beginningOf(process.pid)}`);
  process.on('exit', () => rmSync(file, { force: true }));
  return undefined;
}

function wordsOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split(' ');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
    throw cause;
  }
}

/** When it began, of which a later process of that pid has another; nothing where nothing tells. */
function beginningOf(pid: number): string {
  const stat = procFile(pid, 'stat');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
