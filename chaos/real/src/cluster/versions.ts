/** Which version a server program says it is. */
import { execFileSync } from 'node:child_process';

export function versionOf(program: string): readonly number[] {
  const said = execFileSync(program, ['--version'], { encoding: 'utf8' });
  const match = /(\d+)\.(\d+)\.(\d+)/.exec(said);
  return (match?.slice(1) ?? []).map(Number);
}
