/** A handle: an object on which every property is a method that is carried elsewhere. */

/** Makes a handle; `call` gets the method's name and arguments. It is never a promise itself. */
export function makeHandle<T>(call: (method: string, args: readonly unknown[]) => unknown): T {
  return new Proxy(nothing, {
    get: (_target, property) => {
      if (typeof property === 'symbol' || property === 'then') return undefined;
      return (...args: readonly unknown[]) => call(property, args);
    },
    set: () => false,
  }) as T;
}

const nothing: object = Object.freeze({});

/** The type name of what may be a definition or the name itself. */
export function nameOf(definition: string | { readonly name: string }): string {
  return typeof definition === 'string' ? definition : definition.name;
}
