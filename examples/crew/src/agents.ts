/**
 * The crew: what is deployed. Readers keep the documents, one each; the librarian keeps the index;
 * writers answer, one a question; the editor publishes what a person approved.
 *
 * C1  every effect on the world (reading a file, asking a model, publishing) is a recorded step.
 * C2  a method called again for the same content changes nothing, so that a task may be retried.
 */
import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { actor, type Ref, type TurnContext, task, workflow } from '@troupe/sdk';
import {
  type Answer,
  type Approval,
  type CrewInput,
  crewLimits,
  type Digest,
  type IndexSize,
  type ModelChoice,
  type Plan,
  type Published,
  type Question,
  type ReadReport,
  type SearchResult,
  type Unread,
} from './contract.ts';
import { digestOf, headingCount, keyTermsOf } from './documents/digest.ts';
import { planFolder } from './documents/plan.ts';
import { search } from './index/ranking.ts';
import { answerText, writeWhole } from './writing/answer-file.ts';
import { extractAnswer, type Passages } from './writing/extract.ts';
import { askModel } from './writing/model.ts';

const keyTermsKept = 3;

interface LibrarianState {
  documents: { [path: string]: Digest };
  /** Why a planned document is not in the index. */
  unread: { [path: string]: string };
  size: { documents: number; passages: number; terms: number };
}

/** Keeps the index of one team: a digest for each document. */
export const Librarian = actor('Librarian', {
  state: (): LibrarianState => ({
    documents: {},
    unread: {},
    size: { documents: 0, passages: 0, terms: 0 },
  }),
  methods: {
    /** Takes a document in, in its own turn; the same content again changes nothing (C2). */
    learn(c, digest: Digest): number {
      const known = c.state.documents[digest.path];
      if (known?.hash === digest.hash) return c.state.size.documents;
      const { size } = c.state;
      if (known === undefined) size.documents += 1;
      size.passages += digest.passages.length - (known?.passages.length ?? 0);
      size.terms += termCount(digest) - (known === undefined ? 0 : termCount(known));
      c.state.documents[digest.path] = digest;
      return size.documents;
    },
    /** Notes that a planned document could not be read. */
    leaveOut(c, path: string, reason: string): void {
      c.state.unread[path] = reason;
    },
  },
  reads: {
    search(c, question: string, hitsMax?: number): SearchResult {
      return search(c.state.documents, question, hitsMax);
    },
    size(c): IndexSize {
      return c.state.size;
    },
    unread(c): Unread[] {
      return Object.entries(c.state.unread).map(([name, reason]) => ({ path: name, reason }));
    },
  },
});

function termCount(digest: Digest): number {
  return digest.terms === '' ? 0 : digest.terms.split(' ').length;
}

interface ReaderState {
  text: string;
  report: ReadReport | null;
}

type Content = { readonly text: string } | { readonly unread: string };

/** Reads one document, keeps its lines and teaches them to the librarian. */
export const Reader = actor('Reader', {
  state: (): ReaderState => ({ text: '', report: null }),
  methods: {
    async read(
      c,
      document: { folder: string; path: string; librarian: string },
    ): Promise<ReadReport> {
      if (c.state.report !== null) return c.state.report;
      const { folder, path: name, librarian } = document;
      const content = await c.step('read the file', () => contentOf(path.join(folder, name)));
      const report =
        'unread' in content
          ? await leaveOut(c, librarian, name, content.unread)
          : await teach(c, librarian, name, content.text);
      c.state.report = report;
      return report;
    },
  },
  reads: {
    report(c): ReadReport | null {
      return c.state.report;
    },
    /** The lines of a passage, counted from 1. */
    lines(c, from: number, to: number): string {
      return c.state.text
        .split(/\r?\n/)
        .slice(from - 1, to)
        .join('\n');
    },
  },
});

async function teach(
  c: TurnContext<ReaderState>,
  librarian: string,
  name: string,
  text: string,
): Promise<ReadReport> {
  const digest = digestOf({ path: name, hash: hashOf(text), text });
  c.state.text = text;
  await c.actor(Librarian, librarian).learn(digest);
  return {
    path: name,
    passages: digest.passages.length,
    headings: headingCount(digest),
    keyTerms: keyTermsOf(text, keyTermsKept),
  };
}

async function leaveOut(
  c: TurnContext<ReaderState>,
  librarian: string,
  name: string,
  reason: string,
): Promise<ReadReport> {
  await c.actor(Librarian, librarian).leaveOut(name, reason);
  return { path: name, passages: 0, headings: 0, keyTerms: [], unread: reason };
}

/** A file that went away since it was planned is a result: the run reports it and goes on. */
async function contentOf(file: string): Promise<Content> {
  try {
    return { text: (await fs.readFile(file, 'utf8')).replace(/^\uFEFF/, '') };
  } catch (cause) {
    return { unread: cause instanceof Error ? cause.message : String(cause) };
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Answers one question from what the librarian finds and the readers keep. */
export const Writer = actor('Writer', {
  state: (): { answer: Answer | null } => ({ answer: null }),
  methods: {
    async answer(
      c,
      order: { question: string; team: string; model: ModelChoice | null },
    ): Promise<Answer> {
      if (c.state.answer?.question === order.question) return c.state.answer;
      const { hits, weights } = await c.actor(Librarian, order.team).search(order.question);
      const excerpts: Passages['excerpts'][number][] = [];
      for (const hit of hits) {
        const reader = c.actor(Reader, readerKey(order.team, hit.path));
        excerpts.push({ ...hit, text: await reader.lines(hit.from, hit.to) });
      }
      const answer = await write(c, { question: order.question, excerpts, weights }, order.model);
      c.state.answer = answer;
      return answer;
    },
  },
  reads: {
    written(c): Answer | null {
      return c.state.answer;
    },
  },
});

/** By the model when there is one; when it fails, by extraction, and the answer says so. */
async function write(
  c: TurnContext<{ answer: Answer | null }>,
  passages: Passages,
  choice: ModelChoice | null,
): Promise<Answer> {
  if (choice === null || passages.excerpts.length === 0) return extractAnswer(passages);
  const key = process.env['OPENAI_API_KEY'];
  try {
    return await c.step(
      'ask the model',
      ({ effectId, signal }) => askModel(passages, { choice, key, effectId, signal }),
      { retries: crewLimits.modelRetries, backoffMs: [500, 2_000] },
    );
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return { ...extractAnswer(passages), note: `${choice.model} did not answer: ${reason}` };
  }
}

/** Publishes the answers of one team, once, when a person approved them. */
export const Editor = actor('Editor', {
  state: (): { published: Published | null } => ({ published: null }),
  methods: {
    async publish(
      c,
      order: { answers: readonly Answer[]; approval: Approval; file: string },
    ): Promise<Published> {
      if (c.state.published !== null) return c.state.published;
      const text = answerText(order.answers);
      const { approved, by } =
        typeof order.approval === 'boolean'
          ? { approved: order.approval, by: 'a person elsewhere' }
          : order.approval;
      if (approved) await c.step('write the answer file', () => writeWhole(order.file, text));
      const published: Published = {
        published: approved,
        by,
        file: order.file,
        bytes: approved ? Buffer.byteLength(text) : 0,
      };
      c.state.published = published;
      return published;
    },
  },
  reads: {
    published(c): Published | null {
      return c.state.published;
    },
  },
});

export const planTask = task(
  'plan',
  (_c, { folder }: { folder: string }): Promise<Plan> => planFolder(folder),
);

/** Answers with the number of passages: the rest stays with the reader. */
export const readTask = task(
  'read',
  async (c, order: { folder: string; path: string; team: string }): Promise<number> => {
    const { folder, path: name, team } = order;
    const reader = c.actor(Reader, readerKey(team, name));
    return (await reader.read({ folder, path: name, librarian: team })).passages;
  },
  { resources: { cpu: 0.1 } },
);

export const answerTask = task(
  'answer',
  (c, order: { question: Question; team: string; model: ModelChoice | null }): Promise<Answer> =>
    c.actor(Writer, writerKey(order.team, order.question.number)).answer({
      question: order.question.text,
      team: order.team,
      model: order.model,
    }),
  { resources: { cpu: 0.1 } },
);

export function writerKey(team: string, number: number): string {
  return `${team}/${number}`;
}

function readerKey(team: string, name: string): string {
  return `${team}/${name}`;
}

export const crew = workflow('crew', (w, input: Ref<CrewInput>) => {
  const { folder, team, model, file } = input;
  const plan = w.task('plan', planTask, { folder });
  const read = w.each(
    'read',
    plan.documents,
    readTask,
    (document) => ({ folder, team, path: document.path }),
    { inFlightMax: 8 },
  );
  const answers = w.each(
    'answer',
    input.questions,
    answerTask,
    (question) => ({ question, team, model }),
    { after: [read], inFlightMax: 4 },
  );
  const approval = w.pause<Approval>(
    'approve',
    { question: 'Publish the answers?', file },
    { after: [answers] },
  );
  const published = w.call('publish', Editor, team, 'publish', [{ answers, approval, file }]);
  const { skipped, skippedCount, foldersSkipped } = plan;
  return { skipped, skippedCount, foldersSkipped, answers, published };
});
