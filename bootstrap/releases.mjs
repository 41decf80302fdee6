/**
 * Takes server programs out of the official releases on GitHub.
 *
 * R1  Nothing is unpacked before its SHA-256 is the pinned one.
 * R2  A platform without a checksum known to be true is not in the table: it gets an error, not a guess.
 *
 * The sums of the Linux archives are recorded by several independent projects (for NATS by the official
 * container image); those of the macOS archives by one, beside Linux sums that agree with the others.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

const nats = (platform) => ({
  url: `https://github.com/nats-io/nats-server/releases/download/v2.11.8/nats-server-v2.11.8-${platform}.tar.gz`,
});

const etcd = (version, platform, ending) => ({
  url: `https://github.com/etcd-io/etcd/releases/download/v${version}/etcd-v${version}-${platform}.${ending}`,
});

const releases = {
  'nats-server': {
    'linux-x64': {
      ...nats('linux-amd64'),
      sha256: '397a6deffb5533e160de0cca322bc3dcaec7fb7282d66a3dfa87a9c183152ad1',
    },
    'linux-arm64': {
      ...nats('linux-arm64'),
      sha256: 'b08936cb1dc0ae7086137bda14c352df64397c4af45ed2b392705c19585aeb84',
    },
    'darwin-x64': {
      ...nats('darwin-amd64'),
      sha256: '002c943c1ed39c55cc5e024debfc02685111fcb2b1cbd887aad39ac977037477',
    },
    'darwin-arm64': {
      ...nats('darwin-arm64'),
      sha256: '23e0c5354c2da385708946a21900c944fcb9a3bbfd02aae27a4ae750dea0b682',
    },
  },
  etcd: {
    'linux-x64': {
      ...etcd('3.5.21', 'linux-amd64', 'tar.gz'),
      sha256: 'adddda4b06718e68671ffabff2f8cee48488ba61ad82900e639d108f2148501c',
    },
    'linux-arm64': {
      ...etcd('3.5.21', 'linux-arm64', 'tar.gz'),
      sha256: '95bf6918623a097c0385b96f139d90248614485e781ec9bee4768dbb6c79c53f',
    },
    'darwin-x64': {
      ...etcd('3.5.6', 'darwin-amd64', 'zip'),
      sha256: 'eb0bca1ef939c4abd1d73dc61ef7e019cdc5e97a38e2e99ad2aac34aeb8266ee',
    },
    'darwin-arm64': {
      ...etcd('3.5.21', 'darwin-arm64', 'zip'),
      sha256: 'd0ffb98e3671b1de1ca82b1fb6d7548661573519174470a33b6efccacb494f06',
    },
  },
};

/** Downloads, verifies and unpacks the release of `name`; answers the folder it is in. */
export async function unpackRelease(name, workDir, say, platform = platformHere()) {
  const release = releases[name]?.[platform];
  if (release === undefined) throw new Error(`no checksum of ${name} is known for ${platform}`);
  const folder = join(workDir, `${name}-release`);
  mkdirSync(folder, { recursive: true });
  const archive = join(workDir, release.url.slice(release.url.lastIndexOf('/') + 1));
  say(`downloading ${release.url}`);
  await fetchTo(archive, release.url);
  verify(archive, release);
  if (archive.endsWith('.zip')) await run('unzip', ['-q', archive, '-d', folder]);
  else await run('tar', ['-xzf', archive, '-C', folder]);
  return folder;
}

function platformHere() {
  return `${process.platform}-${process.arch}`;
}

/** curl obeys the proxies that the user has set; without curl Node fetches by itself. */
async function fetchTo(path, url) {
  try {
    const limits = ['--connect-timeout', '10', '--max-time', '240'];
    await run('curl', ['-fsSL', ...limits, '-o', path, url]);
  } catch (error) {
    if (error.missing !== true) throw new Error(`${url}: ${error.message.split('\n')[0]}`);
    const response = await fetch(url, { signal: AbortSignal.timeout(240_000) }).catch((reason) => {
      throw new Error(`${url}: ${reason.cause?.message ?? reason.message}`);
    });
    if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
    writeFileSync(path, Buffer.from(await response.arrayBuffer()));
  }
}

function verify(archive, { url, sha256 }) {
  const actual = createHash('sha256').update(readFileSync(archive)).digest('hex');
  if (actual !== sha256) {
    throw new Error(`${url}: its SHA-256 is ${actual}, not the pinned ${sha256}; nothing was kept`);
  }
}
