/**
 * The job: start the run, show how it goes, strike a node, have the answers approved, and gather
 * what came of it.
 *
 * J1  the approval is given only after the librarian is back: a job with a kill always shows it.
 * J2  at the end every document planned is in the index or named as left out.
 */
import path from 'node:path';
import { crew, Librarian, Writer, writerKey } from '../agents.ts';
import type { Answer, Approval, CrewResult, IndexSize, ModelChoice, Unread } from '../contract.ts';
import { lossText } from '../screen/frame.ts';
import { observe } from './observer.ts';
import type { JobOptions } from './options.ts';
import { countText, type KillReport, plural, secondsText } from './progress.ts';
import type { Session } from './session.ts';
import type { Standing } from './standing.ts';
import { librarianNode, strike, strikeAt } from './strike.ts';

export interface Job {
  readonly session: Session;
  readonly options: JobOptions;
  readonly standing: Standing;
  /** Absolute path of the answer file. */
  readonly file: string;
  readonly model: ModelChoice | null;
  readonly signal: AbortSignal;
  /** Something notable happened. */
  event(line: string): void;
  /** Decides what becomes of the answers; `elsewhere` when somebody else did meanwhile. */
  approve(answers: readonly Answer[], elsewhere: AbortSignal): Promise<Approval>;
}

export interface JobReport extends CrewResult {
  readonly team: string;
  readonly documents: number;
  readonly index: IndexSize;
  readonly unread: readonly Unread[];
  readonly turns: number;
  /** From the start of the run to its end. */
  readonly ms: number;
  /** Of them, how long the run waited for a person. */
  readonly waitedMs: number;
  readonly kill: KillReport | null;
}

/** How long one look at the run may wait for its end. */
const viewMs = 60;
const sizeEveryMs = 250;
const nodesEveryMs = 500;

export async function runJob(job: Job): Promise<JobReport> {
  const { session, options, standing } = job;
  const startedAt = performance.now();
  const run = await session.troupe.start(
    crew,
    {
      folder: options.folder,
      team: session.team,
      questions: options.questions,
      file: job.file,
      model: job.model,
    },
    { run: session.team },
  );
  job.event(`run ${run.id} reads ${options.folder}`);
  const observers = [
    observe(sizeEveryMs, () => seeIndex(job)),
    observe(nodesEveryMs, () => seeNodes(job)),
  ];
  const course = new Course(job);
  try {
    for (;;) {
      job.signal.throwIfAborted();
      const view = await Promise.race([run.view(viewMs), course.failed]);
      standing.runSeen(view.blocks);
      if (view.state !== 'running' && view.state !== 'waiting') break;
      course.onView((approval) => run.resume('approve', approval));
    }
  } finally {
    course.end();
    await Promise.all(observers.map((observer) => observer.stop()));
  }
  const result = await run.result();
  const ms = performance.now() - startedAt;
  const { waitedMs } = course;
  return { ...(await summary(job, result)), ms, waitedMs, kill: await course.struck() };
}

/** What the job does to the run as it goes: the strike, then the approval. */
class Course {
  /** Rejects when the strike or the approval failed; never resolves. */
  readonly failed: Promise<never>;
  /** How long a person has been waited for. */
  waitedMs = 0;
  readonly #job: Job;
  readonly #elsewhere = new AbortController();
  #fail: (thrown: unknown) => void = () => undefined;
  #said: string | undefined;
  #strike: Promise<KillReport | null> | undefined;
  #approval: Promise<void> | undefined;

  constructor(job: Job) {
    this.#job = job;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // It may reject when nobody waits for it any more.
    this.failed.catch(() => undefined);
  }

  onView(resume: (approval: Approval) => Promise<unknown>): void {
    const { standing, options, session } = this.#job;
    this.#sayPhase();
    const { done, all } = standing.documents;
    const alive = session.cluster.nodes.filter(({ running }) => running).length;
    if (options.kill && alive > 1 && all > 0 && done >= all * strikeAt) {
      this.#strike ??= this.#fell();
    }
    if (standing.phase === 'approval') this.#approval ??= this.#decide(resume);
    else if (this.#approval !== undefined) this.#elsewhere.abort();
  }

  /** No prompt outlives the run. */
  end(): void {
    this.#elsewhere.abort();
  }

  async #decide(resume: (approval: Approval) => Promise<unknown>): Promise<void> {
    try {
      await this.struck();
      const approval = await this.#ask(await writtenAnswers(this.#job));
      if (!this.#elsewhere.signal.aborted) await resume(approval);
    } catch (thrown) {
      // A prompt that was taken away is no failure: the run goes on by itself.
      if (!this.#elsewhere.signal.aborted) this.#fail(thrown);
    }
  }

  async #ask(answers: readonly Answer[]): Promise<Approval> {
    const askedAt = performance.now();
    try {
      return await this.#job.approve(answers, this.#elsewhere.signal);
    } finally {
      this.waitedMs = performance.now() - askedAt;
    }
  }

  struck(): Promise<KillReport | null> {
    return this.#strike ?? Promise.resolve(null);
  }

  #fell(): Promise<KillReport> {
    const { standing, session, event } = this.#job;
    const struck = strike(session, standing.documents, (report) => {
      standing.killSeen(report);
      event(
        `KILLED ${report.node} (SIGKILL, pid ${report.pid}), which held the librarian, ` +
          `with ${countText(report.at, 'document')} read`,
      );
    }).then((report) => {
      standing.killSeen(report);
      if (report.recovery !== undefined) {
        const { node, ms, known } = report.recovery;
        const kept = lossText(report.known, known);
        event(`the librarian answers again on ${node} after ${secondsText(ms)}: ${kept}`);
      }
      return report;
    });
    struck.catch((thrown: unknown) => this.#fail(thrown));
    return struck;
  }

  #sayPhase(): void {
    const { standing, event } = this.#job;
    const { phase, documents } = standing;
    if (phase === this.#said) return;
    const before = this.#said;
    this.#said = phase;
    if (phase === 'reading') event(`planned ${plural(documents.all, 'document')}; readers at work`);
    if (before === 'reading') event(`read ${plural(documents.done, 'document')}`);
    if (phase === 'answering') event('writers answer the questions');
  }
}

async function seeIndex({ session, standing }: Job): Promise<void> {
  // Before the first document there is no librarian, and asking would make one too early.
  if (standing.documents.done === 0) return;
  standing.indexSeen(await session.troupe.actor(Librarian, session.team).size());
}

async function seeNodes({ session, standing }: Job): Promise<void> {
  const { nodes } = await session.troupe.status();
  standing.nodesSeen(nodes.filter(({ state }) => state === 'alive'));
  if (standing.progress().kill !== undefined) return;
  const node = await librarianNode(session);
  // The strike may have fallen meanwhile, and knows better.
  if (standing.progress().kill === undefined) standing.librarianSeen(node?.name);
}

async function writtenAnswers({ session, options }: Job): Promise<Answer[]> {
  const answers = await Promise.all(
    options.questions.map(({ number }) =>
      session.troupe.actor(Writer, writerKey(session.team, number)).written(),
    ),
  );
  return answers.filter((answer) => answer !== null);
}

async function summary(
  { session, standing }: Job,
  result: CrewResult,
): Promise<Omit<JobReport, 'ms' | 'waitedMs' | 'kill'>> {
  const librarian = session.troupe.actor(Librarian, session.team);
  const [index, unread] = await Promise.all([librarian.size(), librarian.unread()]);
  standing.indexSeen(index);
  const documents = standing.documents.all;
  if (index.documents + unread.length !== documents) {
    throw new Error(
      `${documents} documents were planned, but the librarian knows ${index.documents} and left ` +
        `out ${unread.length} (J2); report this with the logs in ${path.resolve(session.logs)}`,
    );
  }
  // A turn of each reader, one of the librarian for it, one a writer, one of the editor.
  const turns = 2 * documents + result.answers.length + 1;
  return { ...result, team: session.team, documents, index, unread, turns };
}
