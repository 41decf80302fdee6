/** The path to a property named `__proto__` in plain data, such as `input.rows[2]`; undefined where there is
 *  none. Assigned to an object it would be lost, so that no value that is carried may have it. */
export function pathToProto(value: unknown): string | undefined {
  return hasProto(value) ? pathIn(value) : undefined;
}

/** Nearly nothing has one: this looks without making anything. */
function hasProto(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasProto);
  const object = value as Readonly<Record<string, unknown>>;
  if (Object.hasOwn(object, '__proto__')) return true;
  for (const name in object) if (hasProto(object[name])) return true;
  return false;
}

function pathIn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, part] of Object.entries(value)) {
    if (name === '__proto__') return name;
    const below = pathIn(part);
    if (below === undefined) continue;
    const key = Array.isArray(value) ? `[${name}]` : name;
    return below.startsWith('[') ? `${key}${below}` : `${key}.${below}`;
  }
  return undefined;
}
