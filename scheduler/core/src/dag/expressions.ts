/** Which expressions stand in a block, and whether they are seen from inside its body. */
import type { Block, Expression, Undo } from '@troupe/model';

export interface Placed {
  readonly expression: Expression;
  /** Evaluated in a round or branch of the block, where there are an item, an index and a body. */
  readonly inside: boolean;
  /** Evaluated when the block is undone: what it came to may be named. */
  readonly undoes?: true;
}

export function expressionsOf(block: Block): readonly Placed[] {
  const inBranch = block.each !== undefined;
  const undone = undoExpressions(block.undo).map(
    (expression): Placed => ({ expression, inside: false, undoes: true }),
  );
  const own = [...ownExpressions(block), ...undone];
  const placed = own.map((one) => (inBranch ? { ...one, inside: true } : one));
  if (block.each !== undefined) placed.push({ expression: block.each, inside: false });
  return placed;
}

function undoExpressions(undo: Undo | undefined): readonly Expression[] {
  if (undo === undefined) return [];
  return undo.kind === 'task' ? [undo.input] : [undo.key, ...undo.args];
}

function ownExpressions(block: Block): readonly Placed[] {
  const outside = (...all: readonly Expression[]) =>
    all.map((expression) => ({ expression, inside: false }));
  switch (block.kind) {
    case 'task':
    case 'route':
    case 'run':
      return outside(block.input);
    case 'call':
      return outside(block.key, ...block.args);
    case 'pause':
      return outside(block.prompt);
    case 'wait':
      return outside(block.ms);
    case 'choice':
      return outside(...Object.values(block.values ?? {}));
    case 'value':
    case 'answer':
      return outside(block.value);
    case 'loop': {
      const { rounds } = block;
      if ('count' in rounds) return outside(rounds.count);
      if ('items' in rounds) return outside(rounds.items);
      const condition = 'while' in rounds ? rounds.while : rounds.until;
      return Object.values(condition.values ?? {}).map((expression) => ({
        expression,
        inside: true,
      }));
    }
    case 'parallel':
      return outside('count' in block.branches ? block.branches.count : block.branches.items);
  }
}
