/**
 * What of the node's environment a runner may see. A list of what passes, never of what does not:
 * nothing that opens a door of the cluster can reach user code by being forgotten here.
 */
const always = ['PATH', 'HOME', 'TZ', 'NODE_ENV', 'LANG', 'LC_ALL', 'TMPDIR'];

/** The environment of a runner: the basics, and the variables named in `node.environment`. */
export function runnerEnvironment(
  own: NodeJS.ProcessEnv,
  named: readonly string[],
): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of [...always, ...named]) {
    const value = own[name];
    if (value !== undefined) passed[name] = value;
  }
  return passed;
}
