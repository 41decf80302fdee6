/** Every bound of the system in one place, and what happens there. Units stand in the names. */
export const limits = {
  /** A record of a log; facts of one batch beyond it span records closed by a commit mark. */
  recordBytesMax: 900_000,
  /** Arguments, input or reply of one call or task: `TOO_LARGE` beyond. The output of a task that is
   *  larger goes to the object store, and a handle stands for it. */
  payloadBytesMax: 512 * 1024,
  /** Output of one task: `TOO_LARGE` beyond. */
  objectBytesMax: 16 * 1024 * 1024,
  /** A value with all that its handles stand for: `TOO_LARGE` beyond. */
  resolvedBytesMax: 64 * 1024 * 1024,
  /** Time for storing one object, or reading those of one value: `UNAVAILABLE` beyond. */
  objectMs: 20_000,
  /** Objects that a node keeps in memory: the one longest not used goes beyond. */
  objectCacheBytesMax: 256 * 1024 * 1024,
  /** How often the object store is searched for outputs that nothing refers to. */
  objectSweepMs: 300_000,
  /** Delta of one turn: `TOO_LARGE` beyond, the turn fails and changes nothing. */
  deltaBytesMax: 800_000,
  /** Delta, reply and letters of one turn together, since they are one record: likewise. */
  turnBytesMax: 840_000,
  /** Calls waiting for one actor on its node: `RESOURCE_EXHAUSTED` beyond. */
  mailboxCallsMax: 10_000,
  /** How long such a refusal is remembered: copies of the call still on their way share its fate. */
  turnedAwayMs: 5_000,
  /** How often an input is overtaken by more urgent ones, at most: then it is the next one. */
  overtakenMax: 100,
  /** Turns of one actor handed to its runner ahead of their records. */
  turnsAheadMax: 64,
  /** Values in one configuration: `RESOURCE_EXHAUSTED` beyond; and its bytes: `TOO_LARGE`. */
  configNamesMax: 256,
  configBytesMax: 32 * 1024,
  /** Versions of one configuration that are kept, and their bytes: the oldest go beyond, and a turn that
   *  began with one of these sees the latest when it runs again. */
  configVersionsKeptMax: 100,
  configBytesKeptMax: 512 * 1024,
  /** Tenants whose configuration a runner has at hand: the one given longest ago is given anew beyond. */
  runnerConfigsMax: 256,
  /** Shorter secrets are not looked for in what is recorded: they stand there by chance. */
  secretLengthMin: 8,
  /** How often actors are asked whether they are well unless their type says it, and how long the answer
   *  may take. */
  healthMs: 30_000,
  healthMsMax: 10_000,
  /** Units of the text of a progress: the rest is cut. */
  progressTextMax: 200,
  /** A state as it was before it was upgraded is kept, if it is no larger, for so long while its actor is in
   *  memory: later the actor cannot be rolled back. */
  formerStateBytesMax: 256 * 1024,
  formerStateMs: 86_400_000,
  /** How long the migration of one state may take: then its runner is killed, and the upgrade has failed. */
  migrateMsMax: 10_000,
  /** How long a runner may take to make or read one state: then it is killed. */
  startMsMax: 30_000,
  /** Steps and calls in one turn: `STEP_MISMATCH` names the turn beyond. */
  turnStepsMax: 65_535,
  /** Signals that an actor keeps until they are waited for, and their bytes: `RESOURCE_EXHAUSTED`
   *  beyond. */
  signalsKeptMax: 1_000,
  signalBytesKeptMax: 4 * 1024 * 1024,
  /** One value that a method yields: `TOO_LARGE` beyond. */
  streamValueBytesMax: 128 * 1024,
  /** Of what one call has yielded so many values and bytes are kept, the last ones. */
  streamValuesKeptMax: 10_000,
  streamBytesKeptMax: 1024 * 1024,
  /** The same of all calls of one actor: those of the oldest stream go first. */
  actorStreamBytesKeptMax: 4 * 1024 * 1024,
  /** A method that is so far ahead of whoever takes what it yields is held back. */
  streamAheadValuesMax: 5_000,
  streamAheadBytesMax: 256 * 1024,
  /** Nobody who has not asked for so long holds a method back. */
  streamPatienceMs: 30_000,
  /** Values that a runner has told and that are not durable yet: it waits beyond. */
  yieldsFlyingMax: 64,
  yieldBytesFlyingMax: 256 * 1024,
  /** In one answer to whoever takes; one value goes always. */
  takenValuesMax: 1_000,
  takenBytesMax: 256 * 1024,
  /** How long one who takes waits for a value before it is told that there is none yet. */
  takeMs: 20_000,
  /** Calls in one compensation, those of its further tries among them: it has failed beyond. */
  undoCallsMax: 63,
  /** Crashes of runners that a turn was alone under: `RUNNER_CRASHED` with the last of them. */
  turnCrashesMax: 3,
  /** Time in which a call must be accepted; more is `INVALID_ARGUMENT`. */
  deadlineMsMax: 600_000,
  deadlineMsDefault: 30_000,
  /** An actor forgets the replies of a session not heard of for so long, or longer. */
  sessionMsMax: 900_000,
  /** Callers from outside that an actor remembers, each idempotency key and each call of a task among them, and the bytes of
   *  their replies: beyond, a call of another one is `RESOURCE_EXHAUSTED`, until the one not heard of for longest is
   *  forgotten. Reads are answered. */
  actorSessionsMax: 100_000,
  actorReplyBytesMax: 64 * 1024 * 1024,
  /** Senders whose clock a node knows; beyond, the one longest silent counts as never heard of. */
  callSendersMax: 1_024,
  /** Unanswered calls of one client session: the SDK waits beyond. */
  sessionCallsMax: 10_000,
  /** How often a task or a block may be tried again, at most, unless its tries are unlimited; then each
   *  follows after so long at least. */
  retriesMax: 1_000,
  unlimitedBackoffMsMin: 1_000,
  /** Things waiting in one tenant's queue: `RESOURCE_EXHAUSTED` beyond. */
  queuedTasksMax: 100_000,
  /** Queues below one tenant: another one is `INVALID_ARGUMENT`. */
  tenantQueuesMax: 100,
  /** Of a tenant or a queue; others are `INVALID_ARGUMENT`. By far smaller ones none is served. */
  weightMin: 0.000_001,
  weightMax: 1_000_000,
  /** Reservations of a cell, and places of all of them: more are `INVALID_ARGUMENT`. */
  reservationsMax: 100,
  reservedPlacesMax: 1_000,
  /** What has found no room for so long has room kept for it, one at a time, and may be in a standoff that
   *  is ended. */
  roomAgeMs: 60_000,
  /** GPUs that one node offers, and one task asks for: more are `INVALID_ARGUMENT`. */
  nodeGpusMax: 1_024,
  /** Bytes of a turn log beyond its actors' checkpoints before the oldest are checkpointed. */
  logBytesBeyondCheckpointsMax: 32 * 1024 * 1024,
  checkpointTurns: 1_000,
  checkpointMs: 60_000,
  /** A large state that changes little is checkpointed no later than this after its first change. */
  checkpointMsMax: 240_000,
  /** Versions of an actor that are kept, and for how long; the last one stays. */
  checkpointsKept: 4,
  checkpointsKeptMs: 7 * 86_400_000,
  /** Pinned checkpoints of one actor: another one is `RESOURCE_EXHAUSTED`. */
  checkpointPinsMax: 32,
  /** How long it may take to bring an actor back from the store: it has failed beyond, and says where it was. */
  restoreMs: 120_000,
  /** Migrations that were asked for and are not done: `RESOURCE_EXHAUSTED` beyond. */
  migrationsMax: 10_000,
  /** Actors that one node hands over at once, and the bytes of their checkpoints; one goes always. */
  departuresMax: 256,
  departingBytesMax: 256 * 1024 * 1024,
  /** How long a node that hands an actor over waits for the other one to be prepared. */
  prepareMsMax: 10_000,
  /** A rest that is handed over to the other node beside the store; that node reads a larger one there. */
  handedBytesMax: 512 * 1024,
  /** What a node has read ahead for actors to come: beyond, they are read when they come. */
  preparedBytesMax: 256 * 1024 * 1024,
  /** Of these, states that its runners have built ahead: the others are given to them when they come. */
  builtAheadBytesMax: 64 * 1024 * 1024,
  /** Letters of one actor not yet acknowledged: its calls are `RESOURCE_EXHAUSTED` beyond. */
  outboxLettersMax: 10_000,
  /** Dead letters that an actor keeps, and the bytes of their arguments: beyond, a letter that fails is
   *  not taken. It is tried again when there is room, and no sooner than after `deadRoomMs`. */
  deadLettersMax: 1_000,
  deadLetterBytesMax: 4 * 1024 * 1024,
  deadRoomMs: 10_000,
  /** Units of the idempotency key of a letter: more are `INVALID_ARGUMENT`. */
  idempotencyKeyLengthMax: 128,
  /** Idempotency keys of letters that an actor remembers: beyond, a letter with another key is not taken until some are
   *  forgotten. Its sender says it again, no sooner than after `letterKeyRoomMs`. */
  letterKeysMax: 100_000,
  letterKeyRoomMs: 10_000,
  /** Longest wait between two tries of a letter, and how many may be named: more is `INVALID_ARGUMENT`. */
  letterBackoffMsMax: 3_600_000,
  letterBackoffsMax: 16,
  /** Actors with dead letters in one page of a list. */
  listedDeadMax: 200,
  /** Timers of one actor that wait, delayed sends among them: another one is `RESOURCE_EXHAUSTED`. */
  actorTimersMax: 1_000,
  /** Units of the name of a timer: more are `INVALID_ARGUMENT`. */
  timerNameLengthMax: 128,
  /** How long a timer may wait: ten years; more is `INVALID_ARGUMENT`. */
  timerMsMax: 315_576_000_000,
  /** How soon it may come again: less is `INVALID_ARGUMENT`. */
  timerEveryMsMin: 100,
  /** Firings on their way to one node: the next follow as these have taken effect. */
  timersFlyingMax: 1_000,
  /** Subscribers of one topic: another one is `RESOURCE_EXHAUSTED`. */
  topicSubscribersMax: 10_000,
  /** A message of a topic, as it is published: `TOO_LARGE` beyond. */
  topicMessageBytesMax: 64 * 1024,
  /** Messages that a topic has taken and not yet sent to all, and their bytes: a publish by a call is
   *  `RESOURCE_EXHAUSTED` beyond, one by a turn waits with its actor. */
  topicKeptMax: 1_000,
  topicKeptBytesMax: 4 * 1024 * 1024,
  /** Letters in one turn of a topic: the next ones follow in a turn after it. */
  topicTurnLettersMax: 256,
  /** Messages of a topic on their way, counted for each subscriber: more follow as these are taken. */
  topicFlyingMax: 10_000,
  topicFlyingBytesMax: 16 * 1024 * 1024,
  /** Letters in one postbox that nobody has taken, their bytes, and those of one receiver: `RESOURCE_EXHAUSTED` beyond,
   *  for the time after which to try again. */
  postboxLettersMax: 10_000,
  postboxBytesMax: 16 * 1024 * 1024,
  postboxReceiverLettersMax: 2_500,
  resendMs: 1_000,
  heartbeatMs: 1_000,
  nodeSilenceMs: 3_000,
  probeMs: 300,
  leaseMs: 3_000,
  taskRetriesMax: 3,
  taskBackoffMs: [1_000, 3_000, 5_000],
  taskLimitMs: 300_000,
  turnLimitMs: 300_000,
  /** Actors in one vector clock: the clocks of a larger scope say that it is not tracked. */
  clockActorsMax: 4_096,
  /** A clock of no more actors is sent whole. Of larger ones it is kept in mind what others surely know of
   *  them: of so many others for one actor, and of so many components in all. */
  wholeClockMax: 8,
  knownPeersMax: 256,
  knownOfPeersMax: 65_536,
  /** What others know is believed for so long. With `endedToldMs` it must stay below `tombstoneMs`: an actor
   *  that is made again under a name which is not remembered any more has the numbers of the one before it. */
  knownPeersMs: 600_000,
  /** Time led, for which nodes are told that an actor has ended, so that their clocks forget it. */
  endedToldMs: 2_400_000,
  /** Turns of an actor whose clocks are at hand in its node; those before are read from its past. */
  recentTurnsMax: 256,
  /** The past of an actor is kept for so long, in so many segments and bytes, whichever ends first. */
  pastMs: 86_400_000,
  pastSegmentsMax: 512,
  pastBytesMax: 64 * 1024 * 1024,
  /** Actors that one message asks a node about. */
  askedActorsMax: 256,
  /** UTF-16 units of the ids in a line: a larger one is not had. */
  lineIdsMax: 150_000,
  /** Savepoints of one scope: `RESOURCE_EXHAUSTED` beyond. */
  savepointsMax: 100,
  /** How long the letters of an actor that is being destroyed may wait to be taken: those left are
   *  dropped beyond, and named in the log of its node. */
  endingMs: 60_000,
  /** For how long an actor is held back that has failed twice in a row; for twice as long each time
   *  after that, up to the most. What waits for it waits. */
  heldBackMs: 1_000,
  heldBackMsMax: 60_000,
  /** The most that a type may declare for either, and how many failures in a row. */
  restartBackoffMsMax: 86_400_000,
  restartFailuresMax: 1_000,
  /** Actors of one wave of a rollout, and how long it waits for those in which a turn runs or waits. */
  waveActorsMax: 1_000,
  waveMs: 30_000,
  /** Actors that may fail to be upgraded before a rollout stops by itself. */
  rolloutFailuresMax: 1_000,
  /** What became of actors is kept of so many events of each tenant: the oldest go beyond, and whoever asks
   *  for them is told how many he has missed. */
  supervisionKeptMax: 1_000,
  /** Supervision events that wait for one topic to take them: beyond, one is dropped, and the next one
   *  says how many were. */
  supervisionWaitingMax: 10_000,
  /** A client session that owns actors is over when it was not heard of for so long, while somebody led. */
  owningSessionMs: 60_000,
  /** Time led, for which it is remembered what a destroyed actor had received. */
  tombstoneMs: 3_600_000,
  /** Destroyed actors so remembered: to destroy another one is `RESOURCE_EXHAUSTED` beyond. */
  tombstonesMax: 1_000_000,
  /** Labels of one actor, and letters of a name and a value: more are `INVALID_ARGUMENT`. */
  actorLabelsMax: 16,
  labelLengthMax: 128,
  /** Actors of one page of a list, and those looked at to find them: a page may be shorter. */
  listedActorsMax: 1_000,
  lookedAtMax: 10_000,
  branchesInFlight: 10,
  /** Blocks of a workflow, and branches of a parallel: `RESOURCE_EXHAUSTED` beyond. */
  runBlocksMax: 20_000,
  /** Rounds of a loop that names no bound of its own: it fails with `RESOURCE_EXHAUSTED` beyond. */
  loopRoundsMax: 100_000,
  /** Blocks of one run, counted in every round and branch: `RESOURCE_EXHAUSTED` beyond. */
  runContextsMax: 1_000_000,
  /** Runs in runs: a child deeper than that is not started, its block is `RESOURCE_EXHAUSTED`. */
  runDepthMax: 25,
  /** Runs within one run at once, at any depth: one more is not started, its block is `RESOURCE_EXHAUSTED`. */
  runsWithinMax: 20_000,
  /** A run whose workflow has no limit of its own may take so long to undo what it did; then it ends with
   *  `COMPENSATION_FAILED`. */
  undoMs: 86_400_000,
  /** Before a block is undone that was at work when its run ended, its attempt gets so long to end. */
  undoGraceMs: 10_000,
  /** Tries after the first of a task that undoes a block, unless the block says otherwise. */
  undoRetries: 5,
  /** Blocks that a failure names which could not be undone; it says how many there are. */
  undoNamedMax: 100,
  /** Finished tasks and runs stay readable so long and so many, whichever ends first. */
  finishedMs: 900_000,
  finishedTasksMax: 20_000,
  finishedRunsMax: 1_000,
  /** What blocks of one run came to, in all: the run fails with `RESOURCE_EXHAUSTED` beyond. */
  runBytesMax: 64 * 1024 * 1024,
  /** The same of what lies in the object store. */
  runObjectBytesMax: 1024 * 1024 * 1024,
  /** In the object store for finished tasks, and likewise for runs: the oldest goes beyond. */
  finishedObjectBytesMax: 8 * 1024 * 1024 * 1024,
  /** Of finished runs, so that they can be started again from a block: the oldest goes beyond. */
  finishedRunBytesMax: 16 * 1024 * 1024,
  bundleBytesMax: 32 * 1024 * 1024,
  bundleLoadMs: 20_000,
  drainMs: 30_000,
} as const;
