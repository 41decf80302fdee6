/** The journal of a cell: one log for each generation, made by whichever scheduler comes first. */
import { type Fabric, journalGeneration } from '@troupe/fabric';
import { encode, type LogName, logName } from '@troupe/model';

export interface Journal {
  readonly log: LogName;
  readonly generation: number;
}

/** Opening record of a journal: the same bytes from every scheduler, so that making it is safe. */
interface JournalOpening {
  readonly cell: string;
  readonly generation: number;
}

/** Finds the journal of the present generation, and makes it when it is not there. */
export async function openJournal(fabric: Fabric): Promise<Journal> {
  const { coordination, names, logs } = fabric;
  const generation = await journalGeneration(coordination, names);
  const log = logName(`journal-${generation}`);
  const opening: JournalOpening = { cell: names.cell, generation };
  await logs.create(log, encode(opening));
  return { log, generation };
}
