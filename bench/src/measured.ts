/** Where and when figures were measured that need nothing but a processor. */
import { cpus } from 'node:os';

export function measuredHere(): string {
  const [cpu] = cpus();
  const date = new Date().toISOString().slice(0, 10);
  const where = `${cpu?.model ?? 'unknown processor'}, ${cpus().length} cores, one used`;
  return `${where}; Node ${process.version}; measured ${date}.`;
}
