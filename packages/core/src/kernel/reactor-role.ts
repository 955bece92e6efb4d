/**
 * Plays the reactor in a thread of the master: opens the gate for workers,
 * listens where the master says, and answers its notes.
 */
import { isStream, largestSend } from '../config/limits.js';
import { createDispatch } from '../dispatch/create-dispatch.js';
import { SharedCounts } from '../dispatch/shared-counts.js';
import { ProcessError, toWire } from '../errors.js';
import { createFraming } from '../framing/create-framing.js';
import { Logger } from '../log.js';
import { MAX_BODY_BYTES } from '../pipe/frame.js';
import { answerNote } from '../pipe/inquiries.js';
import type { ReactorAssignment } from '../pipe/assignments.js';
import type { FromReactor, InnerQuestion, ToReactor } from '../pipe/notes.js';
import type { Link, Platform } from '../platform/platform.js';
import { ConnectionIds } from '../pipe/connection-ids.js';
import { PipeGate } from '../reactor/pipe-gate.js';
import { Reactor } from '../reactor/reactor.js';
import { joinLogFile } from './join-log-file.js';

type ListenNote = Extract<ToReactor, { type: 'listen' }>;

export function startReactorThread(platform: Platform): void {
  const assignment = platform.self.assignment as ReactorAssignment;
  const { settings, index } = assignment;
  joinLogFile(platform.log, settings.logFile);
  const master = platform.self.parent!;
  const logger = new Logger(platform.log, { role: `reactor ${index}` }, settings.logLevel);
  const tell = (note: FromReactor): void => master.send(note);
  platform.self.onUncaught((error) => {
    logger.error('the reactor failed', { error });
    tell({ type: 'failed', error: toWire(error) });
    platform.self.exit(1);
  });
  play(platform, assignment, logger, master, tell).catch((error: unknown) => {
    tell({ type: 'failed', error: toWire(error) });
  });
}

async function play(
  platform: Platform,
  assignment: ReactorAssignment,
  logger: Logger,
  master: Link,
  tell: (note: FromReactor) => void,
): Promise<void> {
  const { settings, index, pipePath, shared, door } = assignment;
  const framings = await Promise.all(
    settings.listeners.map(async (each) => (isStream(each) ? createFraming(each.framing) : undefined)),
  );
  const ids = ConnectionIds.ofReactor(index, settings.reactorNum);
  const { clock, files, network, observe } = platform;
  const counts = new SharedCounts(shared, settings.workerNum);
  const dispatch = await createDispatch(settings, ids.step, counts, clock, logger);
  const parts = { clock, files, network, logger, settings, ids, dispatch, framings, door, observe, index };
  const reactor = new Reactor(parts);
  const gate = new PipeGate(reactor, clock, logger, largestSend(settings) + MAX_BODY_BYTES);
  const pipes = await platform.pipes.listen(pipePath, (stream) => gate.accept(stream));

  const listen = async ({ listener, ...place }: ListenNote): Promise<void> => {
    try {
      const endpoint = await reactor.listen(listener, place);
      tell({ type: 'listening', listener, endpoint });
    } catch (error) {
      tell({ type: 'listenFailed', listener, error: toWire(error) });
    }
  };
  master.onMessage((message) => {
    const note = message as ToReactor;
    switch (note.type) {
      case 'listen':
        void listen(note);
        return;
      case 'blameless':
        gate.markBlameless(note.throughIncarnation, note.reason);
        tell({ type: 'informed' });
        return;
      case 'drain':
        void reactor.drain(note.deadline).then(() => tell({ type: 'drained' }));
        return;
      case 'ask':
        answerNote(
          note,
          async (question) => answer(reactor, question),
          (reply) => tell(reply as FromReactor),
        );
        return;
      case 'certificates':
        reactor.secure(note.certificates);
        return;
      case 'reopenLogs':
        platform.log.reopen();
        return;
      case 'stop':
        void pipes.close().then(() => platform.self.exit(0));
    }
  });
  tell({ type: 'started' });
}

function answer(reactor: Reactor, question: InnerQuestion): unknown {
  switch (question.what) {
    case 'counters':
      return reactor.stats();
    case 'clientInfo':
      return reactor.clientInfo(question.id) ?? null;
    case 'connections':
      return reactor.connectionsAfter(question.after, question.limit);
    default:
      throw new ProcessError('NOT_IN_THIS_ROLE', `a reactor does not answer '${question.what}'`);
  }
}
