/**
 * Places where a test or the chaos suite may end this process as if the machine had died.
 * `TROUPE_CRASH_AT=node.after-append:3` kills it with SIGKILL the third time it passes there. Beside appends
 * there is one for each kind of fact, when it is durable and nobody has heard of it, such as
 * `scheduler.actor-placed`, and one for each kind of message of a node, before it is sent, such as `node.prepared`.
 */
const [armedName, armedCount] = (process.env['TROUPE_CRASH_AT'] ?? '').split(':');
let passes = 0;

export function crashPoint(name: string): void {
  if (armedName !== name) return;
  passes += 1;
  if (passes < Number(armedCount ?? 1)) return;
  process.kill(process.pid, 'SIGKILL');
}
