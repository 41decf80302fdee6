/** The path to a property named `__proto__` in plain data, such as `input.rows[2]`; undefined where there is
 *  none. Assigned to an object it would be lost, so that no value that is carried may have it. */
export function pathToProto(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, part] of Object.entries(value)) {
    if (name === '__proto__') return name;
    const below = pathToProto(part);
    if (below === undefined) continue;
    const key = Array.isArray(value) ? `[${name}]` : name;
    return below.startsWith('[') ? `${key}${below}` : `${key}.${below}`;
  }
  return undefined;
}
