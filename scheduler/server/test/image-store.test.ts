/** Images as they lie in the object store: IS1, IS2, and as they lay there before there were parts. */
import { openFabric, silentLogger } from '@troupe/fabric';
import { type Bytes, decode, encode } from '@troupe/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsedConfig } from '../src/config.ts';
import { ImageStore } from '../src/image-store.ts';
import { type Servers, startServers } from './servers.ts';

let servers: Servers;
let fabric: Awaited<ReturnType<typeof openFabric>>;
let images: ImageStore;
beforeAll(async () => {
  servers = await startServers();
  const config = parsedConfig(servers.config('images'));
  fabric = await openFabric({ config, name: 's1', logger: silentLogger });
  images = new ImageStore(fabric.objects);
});
afterAll(async () => {
  await fabric.close();
  await servers.stop();
});

const parts = [encode({ format: 5 }), encode({ actors: ['a'] }), encode({ actors: ['b'] })];

async function read(object: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const part of images.read(object)) found.push(decode(part));
  return found;
}

async function namesIn(object: string): Promise<readonly string[]> {
  return decode<{ parts: readonly string[] }>(await fabric.objects.get(object)).parts;
}

describe('an image', () => {
  it('is read part by part as it was stored', async () => {
    const { object, bytes } = await images.put(parts);
    expect(await read(object)).toEqual(parts.map((part) => decode(part)));
    expect(bytes).toBe(parts.reduce((sum, { length }) => sum + length, 0));
  });

  it('is deleted with all of its parts, and another one of the same state is not', async () => {
    const [first, second] = [await images.put(parts), await images.put(parts)];
    const names = await namesIn(first.object);
    await images.delete(first.object);
    const there = await Promise.all([first.object, ...names].map((of) => fabric.objects.has(of)));
    expect(there).toEqual([false, false, false, false]);
    expect(await read(second.object)).toHaveLength(3);
    // It may be asked for again, by whoever leads next.
    await images.delete(first.object);
  });

  it('of which a part is lost is refused', async () => {
    const { object } = await images.put(parts);
    await fabric.objects.delete((await namesIn(object))[1] ?? '');
    await expect(read(object)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  });

  it('that was written in one piece, before there were parts, is read', async () => {
    const whole = { format: 4, factCount: 7, actors: ['a', 'b'] };
    expect(await read(await fabric.objects.put(encode(whole)))).toEqual([whole]);
  });

  it('that could not be finished leaves no parts behind', async () => {
    function* broken(): Generator<Bytes> {
      yield encode({ only: 'this one' });
      throw new Error('no more');
    }
    const put = fabric.objects.put.bind(fabric.objects);
    const stored: string[] = [];
    const watched = new ImageStore(
      new Proxy(fabric.objects, {
        get: (objects, name) =>
          name === 'put'
            ? async (bytes: Bytes) => stored[stored.push(await put(bytes)) - 1]
            : Reflect.get(objects, name, objects).bind(objects),
      }),
    );
    await expect(watched.put(broken())).rejects.toThrow('no more');
    expect(stored).toHaveLength(1);
    expect(await fabric.objects.has(stored[0] ?? '')).toBe(false);
  });
});
