/**
 * Takes server programs out of Debian's or Ubuntu's packages, without root and without installing.
 *
 * A1  The system's configuration, package lists and caches stay untouched: sources, lists, cache and
 *     state lie in a private folder, which is removed afterwards.
 * A2  Nothing unauthenticated is taken: apt verifies the archive's signature with the keyring that the
 *     system already trusts for this mirror, else with the distribution's archive keyring.
 * A3  The mirror is the one that the system already uses; only the suite is chosen here, because
 *     Debian 12 and Ubuntu 24.04 carry an etcd that is too old.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

/** Suites new enough, tried in this order; the system's own comes first when it is a later one. */
const suites = { debian: ['trixie', 'forky'], ubuntu: ['resolute', 'questing', 'plucky'] };

const archiveKeyrings = [
  '/usr/share/keyrings/debian-archive-keyring.gpg',
  '/usr/share/keyrings/debian-archive-keyring.pgp',
  '/usr/share/keyrings/ubuntu-archive-keyring.gpg',
];

/**
 * Downloads `packages` of the first suite that has them and unpacks each into a folder of its own.
 * @yields `{ suite, folders: { [package]: folder } }` a suite, so that the caller may look whether
 *         what is in it is new enough; throws when no suite is left, saying what each of them answered.
 */
export async function* unpackDebs(packages, workDir, say) {
  const system = readSystem();
  const refusals = [];
  for (const suite of system.suites) {
    const dir = join(workDir, suite);
    try {
      say(`asking ${system.mirror.uri} (${suite}) for ${packages.join(', ')}`);
      const environment = await update(dir, suite, system);
      yield { suite, folders: await download(dir, packages, environment) };
    } catch (error) {
      refusals.push(`${suite}: ${lastLine(error.message)}`);
    }
  }
  throw new Error(refusals.join('; '));
}

/** Which distribution this is, which mirror it uses and which suites are worth asking. */
function readSystem() {
  if (!existsSync('/etc/os-release')) throw new Error('this is no Debian or Ubuntu');
  const release = Object.fromEntries(
    [...readFileSync('/etc/os-release', 'utf8').matchAll(/^(\w+)="?([^"\n]*)"?$/gm)].map((line) => [
      line[1],
      line[2],
    ]),
  );
  const family = [release.ID, ...(release.ID_LIKE ?? '').split(' ')].find((id) => suites[id]);
  if (family === undefined) throw new Error(`${release.ID} has no apt archive known here`);
  // Derivatives of Ubuntu have a code name of their own and use Ubuntu's archive beside theirs.
  const codename = release.UBUNTU_CODENAME ?? release.VERSION_CODENAME ?? '';
  const mirror = chooseMirror(readSources(), family, codename);
  if (mirror === undefined) throw new Error(`no ${family} mirror in /etc/apt/sources.list*`);
  const own = suites[family].includes(codename) ? [codename] : [];
  return { family, mirror, suites: [...new Set([...own, ...suites[family]])] };
}

/** Every `deb` source of the system, of both file formats. @public */
export function readSources(etc = '/etc/apt') {
  const parts = join(etc, 'sources.list.d');
  const inParts = existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : [];
  return [join(etc, 'sources.list'), ...inParts].filter(existsSync).flatMap((path) => {
    const text = readFileSync(path, 'utf8');
    if (path.endsWith('.list')) return text.split('\n').flatMap(parseListLine);
    return path.endsWith('.sources') ? text.split(/\n\s*\n/).flatMap(parseStanza) : [];
  });
}

/** `deb [arch=amd64 signed-by=/k.gpg] http://mirror/debian bookworm main contrib` */
function parseListLine(line) {
  const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/.exec(line);
  if (match === null) return [];
  const [, options = '', uri, suite, components] = match;
  const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
  return [{ uri, suites: [suite], components: components.trim().split(/\s+/), signedBy }];
}

/** A deb822 stanza; a `Signed-By` of several lines is a key itself. */
function parseStanza(text) {
  const fields = {};
  let name;
  for (const line of text.split('\n').filter((line) => !line.startsWith('#'))) {
    const start = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
    if (start) {
      name = start[1].toLowerCase();
      fields[name] = start[2];
    } else if (name !== undefined && /^\s/.test(line)) {
      fields[name] += `\n${line}`;
    }
  }
  const words = (field) => (fields[field] ?? '').split(/\s+/).filter(Boolean);
  if (!words('types').includes('deb') || /^no$/i.test(fields.enabled ?? 'yes')) return [];
  return words('uris').map((uri) => ({
    uri,
    suites: words('suites'),
    components: words('components'),
    signedBy: fields['signed-by']?.trim(),
  }));
}

function chooseMirror(sources, family, codename) {
  const usable = sources.filter(
    (source) =>
      /^(https?|mirror\+?\w*|file|copy):/.test(source.uri) &&
      !/security|backports/.test(source.uri) &&
      source.components.includes('main'),
  );
  const names = [codename, 'stable', 'testing', 'unstable', 'sid'].filter(Boolean);
  return (
    usable.find((source) => source.suites.some((suite) => names.includes(suite))) ??
    usable.find((source) => new RegExp(`/${family}/?$`).test(source.uri))
  );
}

/** Fetches the package lists of `suite` into `dir`; answers the environment that apt needs. */
async function update(dir, suite, system) {
  for (const folder of ['lists/partial', 'cache/archives/partial', 'state', 'debs']) {
    mkdirSync(join(dir, folder), { recursive: true });
  }
  const environment = { APT_CONFIG: join(dir, 'apt.conf'), LC_ALL: 'C' };
  writeFileSync(environment.APT_CONFIG, await configuration(dir));
  const keyrings = [system.mirror.signedBy, ...archiveKeyrings.filter(existsSync), undefined];
  let refusal = new Error('no keyring');
  for (const keyring of new Set(keyrings)) {
    writeFileSync(join(dir, 'troupe.sources'), stanza(suite, system, keyring));
    try {
      await run('apt-get', ['update', '-q'], { env: environment });
      return environment;
    } catch (error) {
      refusal = error;
      // Only a signature that this keyring cannot verify is worth another keyring.
      if (!/NO_PUBKEY|not signed|signatures|keyring/i.test(error.message)) break;
    }
  }
  throw refusal;
}

function stanza(suite, system, keyring) {
  const components = system.family === 'ubuntu' ? 'main universe' : 'main';
  const lines = ['Types: deb', `URIs: ${system.mirror.uri}`, `Suites: ${suite}`];
  lines.push(`Components: ${components}`);
  // A key that stands in the file itself begins on a line of its own.
  if (keyring?.includes('\n')) lines.push(`Signed-By:\n ${keyring}`);
  else if (keyring !== undefined) lines.push(`Signed-By: ${keyring}`);
  return `${lines.join('\n')}\n`;
}

/**
 * apt reads this file instead of the system's. The system's way to reach its mirror (proxies,
 * certificates, time-outs) is taken over; hooks, pins and every leave to skip verification are not.
 */
async function configuration(dir) {
  const dump = await run('apt-config', ['dump']);
  const acquire = dump
    .split('\n')
    .filter((line) => /^Acquire::\S+ "/.test(line))
    .filter(
      (line) => !/^Acquire::(IndexTargets|Languages|\S*Allow|\S*Verify-(Peer|Host))/i.test(line),
    );
  const at = (folder) => `"${join(dir, folder)}"`;
  return [
    ...acquire,
    'Dir::Etc::main "/dev/null";',
    'Dir::Etc::parts "/dev/null";',
    'Dir::Etc::preferences "/dev/null";',
    'Dir::Etc::preferencesparts "/dev/null";',
    'Dir::Etc::sourceparts "/dev/null";',
    `Dir::Etc::sourcelist ${at('troupe.sources')};`,
    `Dir::State ${at('state')};`,
    'Dir::State::status "/var/lib/dpkg/status";',
    `Dir::State::lists ${at('lists')};`,
    `Dir::Cache ${at('cache')};`,
    `Dir::Log ${at('state')};`,
    'Acquire::Languages "none";',
    'Acquire::AllowInsecureRepositories "false";',
    'Acquire::AllowWeakRepositories "false";',
    'Acquire::AllowDowngradeToInsecureRepositories "false";',
    'APT::Get::AllowUnauthenticated "false";',
    'APT::Update::Error-Mode "any";',
    // The private folder may be where the user `_apt` cannot look.
    ...(process.getuid?.() === 0 ? ['APT::Sandbox::User "root";'] : []),
    '',
  ].join('\n');
}

async function download(dir, packages, environment) {
  const debs = join(dir, 'debs');
  await run('apt-get', ['download', '-q', ...packages], { cwd: debs, env: environment });
  const folders = {};
  for (const name of packages) {
    const deb = readdirSync(debs).find((file) => file.startsWith(`${name}_`));
    if (deb === undefined) throw new Error(`apt-get download left no ${name}`);
    folders[name] = join(dir, 'unpacked', name);
    mkdirSync(folders[name], { recursive: true });
    await run('dpkg', ['-x', join(debs, deb), folders[name]]);
  }
  return folders;
}

function lastLine(text) {
  return text.trim().split('\n').at(-1) ?? '';
}
