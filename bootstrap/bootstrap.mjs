/**
 * Makes a fresh checkout ready to run: Node's version, npm packages, the compiled code, and the two
 * servers. Every step looks first and does only what is missing, so that a second run is quick.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBinaries } from './binaries.mjs';
import { root } from './locate.mjs';
import { withLock } from './lock.mjs';
import { hand, nodeEnvironment } from './run.mjs';

const nodeLeast = [20, 19];

export async function bootstrap(say = (line) => console.log(`bootstrap: ${line}`)) {
  checkNode();
  await withLock('bootstrap', say, async () => {
    if (!packagesMatch()) await installPackages(say);
    await compile();
  });
  return ensureBinaries(say);
}

/** Ends the process with one line when a step fails, instead of a stack trace. */
export async function bootstrapOrExit() {
  try {
    return await bootstrap();
  } catch (error) {
    console.error(`bootstrap: ${error.message}`);
    process.exit(1);
  }
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > nodeLeast[0] || (major === nodeLeast[0] && minor >= nodeLeast[1])) return;
  const needed = nodeLeast.join('.');
  throw new Error(
    `Node ${needed} or newer is needed, and this is ${process.versions.node} (${process.execPath}); ` +
      'install it from https://nodejs.org or with your version manager, then run this again',
  );
}

/** npm keeps a list of what it installed: everything that the lock file wants must be in it. */
function packagesMatch() {
  const listFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(listFile)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(listFile, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.includes('node_modules/')) return true;
    const installed = present[path];
    // Packages of other platforms are in the lock file and never installed.
    if (installed === undefined) return entry.optional === true || entry.devOptional === true;
    return installed.version === entry.version && installed.integrity === entry.integrity;
  });
}

async function installPackages(say) {
  say('installing npm packages (npm ci)');
  const byNpm = process.env.npm_execpath;
  const [command, first] = byNpm ? [process.execPath, [byNpm]] : ['npm', []];
  const args = [
    ...first,
    'ci',
    '--no-audit',
    '--no-fund',
    '--no-update-notifier',
    '--loglevel=error',
  ];
  const code = await hand(command, args, { cwd: root });
  if (code !== 0) throw new Error(`npm ci ended with ${code}; see its output above`);
}

async function compile() {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const code = await hand(tsc, ['-b'], { cwd: root, env: nodeEnvironment() });
  if (code !== 0) throw new Error(`the code does not compile (tsc -b ended with ${code})`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const found = await bootstrapOrExit();
  for (const [name, { path, version }] of Object.entries(found)) {
    console.log(`bootstrap: ${name} ${version} (${path})`);
  }
  console.log('bootstrap: ready');
}
