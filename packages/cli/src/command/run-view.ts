/** A run for people and as JSON: what the cluster encodes, decoded. */
import {
  type BlockView,
  decodeValue,
  type RunUndoView,
  type RunView,
  type UndoneView,
} from '@troupe/model';
import { duration } from '../terminal/duration.ts';
import { jsonable, type Style, shown, type Terminal } from '../terminal/terminal.ts';
import { progressText } from './activity.ts';

/** The run with prompts and output as plain values. */
export function readableRun(run: RunView): unknown {
  const { outcome, blocks, ...rest } = run;
  return {
    ...rest,
    blocks: blocks.map((block) => ({ ...block, prompt: promptOf(block) })),
    ...(outcome === undefined
      ? {}
      : outcome.ok
        ? { output: decodeValue(outcome.value) ?? null }
        : { failure: outcome.failure }),
  };
}

export function pausedBlocks(run: RunView): readonly BlockView[] {
  return run.blocks.filter((block) => block.state === 'paused');
}

export function hasEnded(run: RunView): boolean {
  return run.state === 'done' || run.state === 'failed' || run.state === 'cancelled';
}

function promptOf(block: BlockView): unknown {
  return block.prompt === undefined ? undefined : decodeValue(block.prompt);
}

const styles: { readonly [state: string]: Style } = {
  running: 'yellow',
  waiting: 'yellow',
  paused: 'yellow',
  done: 'green',
  failed: 'red',
  cancelled: 'red',
  skipped: 'dim',
};

export function printRuns(terminal: Terminal, runs: readonly RunView[]): void {
  terminal.table<RunView>(
    [
      { title: 'RUN', value: (run) => run.run },
      { title: 'WORKFLOW', value: (run) => run.workflow },
      {
        title: 'STATE',
        value: (run) => (isUndoing(run) ? 'undoing' : run.state),
        paint: (cell, run) => stateOf(terminal, cell, run),
      },
      { title: 'BLOCKS', value: countedOf, numeric: true },
      { title: 'STARTED', value: (run) => new Date(run.startedAt).toISOString().slice(0, 19) },
      { title: 'TOOK', value: tookOf, numeric: true },
    ],
    runs,
  );
}

export function printRun(terminal: Terminal, run: RunView): void {
  const state = isUndoing(run) ? 'undoing' : run.state;
  terminal.line(terminal.fit(`run ${run.run} of ${run.workflow}: ${state}${ended(run)}`));
  for (const line of aboutOf(run)) terminal.line(terminal.fit(line));
  terminal.line();
  terminal.table<BlockView>(
    [
      {
        title: 'BLOCK',
        value: (block) => `${'  '.repeat(depthOf(block))}${block.block}`,
        whole: true,
      },
      {
        title: 'STATE',
        value: (block) => block.state,
        paint: (cell, block) => stateOf(terminal, cell, block),
      },
      { title: 'TRIES', value: (block) => block.attempts, numeric: true },
      { title: 'INSIDE', value: insideOf },
      { title: 'WHERE', value: (block) => block.node ?? runNamed(block.child) },
      { title: 'QUESTION', value: questionOf },
    ],
    run.blocks,
  );
  for (const block of pausedBlocks(run)) {
    terminal.line(`\n${block.block} waits for a person: ${resumeHint(run, block)}`);
  }
  if (run.undo !== undefined) printUndo(terminal, run.undo);
  if (run.outcome === undefined) return;
  terminal.line();
  if (run.outcome.ok) terminal.line(shown(decodeValue(run.outcome.value) ?? null));
  else terminal.line(`${run.outcome.failure.code}: ${run.outcome.failure.message}`);
}

/** What a run has undone, as far as it has come. */
function printUndo(terminal: Terminal, { failure, done, failed, all, blocks }: RunUndoView): void {
  const rest = failed === 0 ? '' : `, ${failed} could not be`;
  terminal.line(`\n${done} of ${all} blocks undone${rest}, since it failed with ${failure.code}`);
  if (blocks.length === 0) return;
  terminal.line();
  terminal.table<UndoneView>(
    [
      { title: 'UNDONE BLOCK', value: ({ block }) => block, whole: true },
      {
        title: 'STATE',
        value: ({ state }) => state,
        paint: (cell, block) => stateOf(terminal, cell, block),
      },
      { title: 'WHY', value: ({ failure: why }) => why?.code ?? '' },
    ],
    blocks,
  );
}

function isUndoing(run: RunView): boolean {
  return run.undo !== undefined && !hasEnded(run);
}

/** What to type to answer a pause. */
export function resumeHint(run: RunView, block: BlockView): string {
  const named = `${quoted(run.run)} ${quoted(block.block)}`;
  return `\`troupe runs approve ${named}\`, or \`troupe runs resume ${named} JSON\``;
}

/** For a shell: brackets would be a pattern. */
export function quoted(id: string): string {
  return /^[A-Za-z0-9._/-]+$/.test(id) ? id : `'${id.replaceAll("'", `'\\''`)}'`;
}

export function questionOf(block: BlockView): string {
  const prompt = promptOf(block);
  if (prompt === undefined) return '';
  return typeof prompt === 'string' ? prompt : JSON.stringify(jsonable(prompt));
}

function stateOf(terminal: Terminal, cell: string, { state }: { readonly state: string }): string {
  const style = styles[state];
  return style === undefined ? cell : terminal.paint(style, cell);
}

/** Blocks that are done, of all that are known of. */
function countedOf({ progress, blocks }: RunView): string {
  if (progress === undefined) return `?/${blocks.length}`;
  const { done, running, waiting, rest } = progress;
  return `${done}/${done + running + waiting + rest}`;
}

/** How far it is, of whom it is a block, by which version it goes. */
function aboutOf({ progress, parent, bundle }: RunView): string[] {
  const lines: string[] = [];
  if (progress !== undefined) {
    const { done, running, waiting, rest } = progress;
    lines.push(`blocks: ${done} done, ${running} running, ${waiting} waiting, ${rest} to come`);
  }
  if (parent !== undefined) lines.push(`it is block ${parent.block} of run ${parent.run}`);
  if (bundle !== undefined) lines.push(`version of bundle ${bundle.slice(0, 12)}`);
  return lines;
}

/** How many loops and parallels a context stands in. */
function depthOf({ block }: BlockView): number {
  return block.split('[').length - 1;
}

function tookOf(run: RunView): string {
  return run.endedAt === undefined ? '' : duration(run.endedAt - run.startedAt);
}

function ended(run: RunView): string {
  return run.endedAt === undefined ? '' : ` after ${tookOf(run)}`;
}

function insideOf({ branches, rounds, progress }: BlockView): string {
  if (progress !== undefined) return progressText(progress);
  if (branches !== undefined) return `${branches.done}/${branches.all} branches`;
  if (rounds === undefined) return '';
  return rounds.all === undefined ? `${rounds.done} rounds` : `${rounds.done}/${rounds.all} rounds`;
}

function runNamed(child: string | undefined): string {
  return child === undefined ? '' : `run ${child}`;
}
