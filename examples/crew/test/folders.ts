/** Folders of documents made for a test, and taken away after it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface TestFolder extends AsyncDisposable {
  readonly path: string;
}

export function folderOf(files: { readonly [name: string]: string | Uint8Array }): TestFolder {
  const root = mkdtempSync(path.join(tmpdir(), 'crew-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), content);
  }
  return {
    path: root,
    async [Symbol.asyncDispose]() {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

const subjects = ['harbour', 'lighthouse', 'ferry', 'orchard', 'observatory', 'granary', 'mill'];

/** A library of documents about made-up places: always the same for the same count. */
export function libraryOf(count: number): { [name: string]: string } {
  const files: { [name: string]: string } = {};
  for (let i = 0; i < count; i++) {
    const subject = subjects[i % subjects.length] ?? 'place';
    files[`shelf-${i % 5}/${subject}-${i}.md`] = [
      `# The ${subject} of quarter ${i}`,
      '',
      `The ${subject} of quarter ${i} was built in ${1700 + i} by a guild of masons.`,
      `Its keeper counts ${i * 3 + 1} visitors on a market day.`,
      '',
      '## Upkeep',
      '',
      `Every spring the ${subject} is painted by its keeper, who pays with salt.`,
      i % 4 === 0 ? 'A storm once took the roof, and the guild replaced it in nine days.' : '',
      '',
    ].join('\n');
  }
  return files;
}
