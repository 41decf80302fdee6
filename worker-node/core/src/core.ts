/** What the nouns of the node machine share: the output of this event, time, and each other. */
import type { ActorId, OutputDraft } from '@troupe/model';
import type { Activation } from './activation.ts';
import type { Activities } from './activities.ts';
import type { Ailing } from './ailing.ts';
import type { Alarms } from './alarms.ts';
import type { Arrivals } from './arrivals.ts';
import type { BuiltIns } from './built-ins.ts';
import type { Checkpointing } from './checkpointing.ts';
import type { Configs } from './configs.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Decisions } from './decisions.ts';
import type { Departures } from './departures.ts';
import type { NodeConfig, NodeReply, NodeSend, NodeWork } from './events.ts';
import type { NodeFact } from './facts.ts';
import type { Groups } from './groups.ts';
import type { Handover } from './handover.ts';
import type { Health } from './health.ts';
import type { Hosting } from './hosting.ts';
import type { Lines } from './lines.ts';
import type { Locations } from './locations.ts';
import type { Mailboxes } from './mailboxes.ts';
import type { OutgoingCalls } from './outgoing-calls.ts';
import type { Post } from './post.ts';
import type { Quarantine } from './quarantine.ts';
import type { Rewinds } from './rewinds.ts';
import type { Runners } from './runners.ts';
import type { SenderClocks } from './sender-clocks.ts';
import type { Streams } from './streams.ts';
import type { Tasks } from './tasks.ts';
import type { Timers } from './timers.ts';
import type { Trials } from './trials.ts';
import type { Turns } from './turns.ts';
import type { Uses } from './uses.ts';
import type { Waits } from './waits.ts';
import type { Wishes } from './wishes.ts';

export interface Core {
  readonly config: NodeConfig;
  readonly out: OutputDraft<NodeFact, NodeSend, NodeReply, NodeWork>;
  readonly alarms: Alarms;
  /** Monotonic ms of the event being handled. */
  readonly now: number;
  /** Wall-clock ms of the event being handled: for people, nothing is decided by it. */
  readonly wall: number;
  /** Position of the own log up to which everything is durable. */
  readonly durableAt: number;
  readonly actors: ReadonlyMap<ActorId, Activation>;
  readonly hosting: Hosting;
  readonly senderClocks: SenderClocks;
  readonly mailboxes: Mailboxes;
  readonly turns: Turns;
  readonly waits: Waits;
  readonly decisions: Decisions;
  readonly deadLetters: DeadLetters;
  readonly streams: Streams;
  readonly outgoing: OutgoingCalls;
  readonly post: Post;
  readonly timers: Timers;
  readonly locations: Locations;
  readonly runners: Runners;
  readonly builtIns: BuiltIns;
  readonly trials: Trials;
  readonly tasks: Tasks;
  readonly checkpointing: Checkpointing;
  readonly departures: Departures;
  readonly arrivals: Arrivals;
  readonly handover: Handover;
  readonly lines: Lines;
  readonly quarantine: Quarantine;
  readonly rewinds: Rewinds;
  readonly wishes: Wishes;
  readonly ailing: Ailing;
  readonly activities: Activities;
  readonly configs: Configs;
  readonly uses: Uses;
  readonly groups: Groups;
  readonly health: Health;
}
