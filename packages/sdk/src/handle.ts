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

/** The calls of an actor, with `stream` beside them; a method of that name can still be called. */
export function withStreams<T>(calls: Handle, streams: object): T {
  const stream = new Proxy((): undefined => undefined, {
    apply: (_target, _this, args) => calls['stream']?.(...args),
    get: (_target, property) => Reflect.get(streams, property),
    set: () => false,
  });
  return new Proxy(nothing, {
    get: (_target, property) => (property === 'stream' ? stream : Reflect.get(calls, property)),
    set: () => false,
  }) as T;
}

interface Handle {
  readonly [method: string]: (...args: unknown[]) => unknown;
}

const nothing: object = Object.freeze({});

/** The type name of what may be a definition or the name itself. */
export function nameOf(definition: string | { readonly name: string }): string {
  return typeof definition === 'string' ? definition : definition.name;
}
