import { noTasks } from '@shoal/core/internal/pipe/task-counters';
import { expect } from 'chai';
import { factText, type ConfiguredFact, type ConfiguredListener } from '@shoal/core/internal/events/facts';
import type { ServerStats } from '@shoal/core';
import { Invariants } from '@shoal/testing/internal/invariants/invariants';
import type { Rule, Violation } from '@shoal/testing/internal/invariants/violation';
import { CONNECTION, configured, OTHER, OWNER, ToldFacts, WORKER } from './told-facts.js';

const KERNEL_BUFFER = 1_000;

interface Settings {
  readonly server?: Partial<ConfiguredFact>;
  readonly listener?: Partial<ConfiguredListener>;
}

/** Checks watch what is told, up to rest and to the end. */
class Watched extends ToldFacts {
  readonly invariants = new Invariants(KERNEL_BUFFER, () => this.turn);

  constructor({ server, listener }: Settings = {}) {
    super((event) => this.invariants.observe(event));
    this.tell(OWNER, 'master', configured(server, listener));
  }

  /** All is quiet, and client 0 has this, if anybody. */
  rest(received?: string, state: 'open' | 'ended' | 'closed' = 'open', stats?: ServerStats): void {
    this.invariants.atRest(clientWith(received, state), stats);
  }

  /** The server leaves, its processes one after the other. */
  end(received?: string): void {
    this.invariants.stopping();
    for (const pid of [WORKER, OTHER, OWNER]) this.dies(pid, null);
    this.invariants.atEnd(clientWith(received, 'closed'));
  }

  /** `order`, `connection 7: …`. */
  get found(): readonly Violation[] {
    return this.invariants.violations;
  }
}

function clientWith(
  received: string | undefined,
  state: 'open' | 'ended' | 'closed',
): { id: number; state: typeof state; received: Buffer }[] {
  return received === undefined ? [] : [{ id: 0, state, received: Buffer.from(received, 'latin1') }];
}

function stats(some: Partial<ServerStats>): ServerStats {
  return {
    connections: 1,
    acceptedConnections: 1,
    closedConnections: 0,
    acceptedPackets: 0,
    handledPackets: 0,
    redeliveredPackets: 0,
    pinnedLost: 0,
    failedDispatches: 0,
    outstandingPackets: 0,
    closedBy: {},
    refused: {},
    failedHandlers: 0,
    tasks: noTasks,
    // Balanced, so that each check is seen alone.
    ledger: {
      accepted: 0,
      handled: 0,
      redeliveredAndHandled: 0,
      refused: some.refused ?? {},
      outstanding: 0,
    },
    ...some,
  };
}

type Story = (it: Watched) => void;

/** Two sequences of facts, nearly the same: one keeps the promise, one breaks it. */
interface Pair {
  readonly title: string;
  readonly rule: Rule;
  /** The message of the violation, without the connection. */
  readonly says: string;
  readonly keeps: Story;
  readonly breaks: Story;
  readonly settings?: Settings;
}

/** Facts show such texts by their beginning and a hash. */
const long = 'x'.repeat(300);
const almostLong = `${'x'.repeat(299)}y`;

const roundRobin: Settings = { server: { dispatchMode: 'roundRobin' } };
const base: Settings = { server: { mode: 'base' } };
const limited: Settings = { listener: { handlerTimeout: 100 } };
const three: Settings = { listener: { concurrency: 3 } };

/** Packet 1 is given up after so many ms, and its connection is reset. */
function givesUp(it: Watched, ms: number): void {
  it.opens();
  it.gives(1);
  it.started('receive', 1);
  it.passes(ms);
  it.timesOut('receive', 1);
}

/** Its client resets a connection of which a worker has a packet, and its owner has not heard what becomes of that. */
function resetWhileGiven(it: Watched, workerDoes: () => void): void {
  it.opens();
  it.packet(1);
  it.delivered('receive', 1);
  it.client('resets');
  it.closed('error');
  workerDoes();
  it.acknowledged('receive', 1, true);
  it.refused(1);
  it.leaves();
}

/** A file, then a send that is taken, and one that is refused. */
function sendsFile(it: Watched): void {
  it.owner({ kind: 'file', connection: CONNECTION, file: 1 });
  it.sent('late');
  it.output('late');
  it.sent('no');
  it.outputRefused('no');
  it.owner({ kind: 'fileOutput', connection: CONNECTION, file: 1, bytes: 4, data: 'file' });
}

const pairs: readonly Pair[] = [
  // handlerTimeout
  {
    title: 'a handler that is given up too early',
    rule: 'order',
    says: 'a handler is given up after 99 of 100 ms',
    settings: limited,
    keeps: (it) => {
      givesUp(it, 99);
      it.acknowledged('receive', 1, true);
      it.refused(1, 'HANDLER_TIMEOUT');
      it.closed('handlerTimeout');
      it.leaves();
      it.rest();
    },
    breaks: (it) => {
      givesUp(it, 98);
      it.acknowledged('receive', 1, true);
      it.refused(1, 'HANDLER_TIMEOUT');
      it.closed('handlerTimeout');
      it.leaves();
      it.rest();
    },
  },
  {
    title: 'a handler that is given up though it may take its time',
    rule: 'order',
    says: 'a handler is given up, and none may be',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      it.passes(1_000_000);
      it.rest();
    },
    breaks: (it) => {
      givesUp(it, 1_000_000);
      it.acknowledged('receive', 1, true);
      it.refused(1, 'HANDLER_TIMEOUT');
      it.closed('handlerTimeout');
      it.leaves();
      it.rest();
    },
  },
  {
    title: 'a packet that is refused for a timeout which its handler has not exceeded',
    rule: 'lost',
    says: 'packet 2 is refused for a timeout that its handler has not exceeded',
    settings: limited,
    keeps: (it) => {
      givesUp(it, 100);
      it.gives(2);
      it.acknowledged('receive', 1, true);
      it.refused(1, 'HANDLER_TIMEOUT');
      it.acknowledged('receive', 2, true);
      it.refused(2);
      it.closed('handlerTimeout');
      it.leaves();
      it.rest();
    },
    breaks: (it) => {
      givesUp(it, 100);
      it.gives(2);
      it.acknowledged('receive', 1, true);
      it.refused(1, 'HANDLER_TIMEOUT');
      it.acknowledged('receive', 2, true);
      it.refused(2, 'HANDLER_TIMEOUT');
      it.closed('handlerTimeout');
      it.leaves();
      it.rest();
    },
  },
  {
    title: 'a packet that counts as handled though its handler was given up',
    rule: 'settlement',
    says: 'packet 1 is settled as handled though its handler was given up',
    settings: limited,
    keeps: (it) => {
      givesUp(it, 100);
      it.acknowledged('receive', 1, true);
      it.refused(1, 'HANDLER_TIMEOUT');
      it.closed('handlerTimeout');
      it.leaves();
      it.rest();
    },
    breaks: (it) => {
      givesUp(it, 100);
      it.acknowledged('receive', 1);
      it.closed('handlerTimeout');
      it.leaves();
      it.rest();
    },
  },
  {
    title: 'a connection that outlives a handler that was given up',
    rule: 'close',
    says: 'is still open after a handler of it was given up',
    settings: limited,
    keeps: (it) => {
      givesUp(it, 100);
      it.acknowledged('receive', 1, true);
      it.refused(1, 'HANDLER_TIMEOUT');
      it.closed('handlerTimeout');
      it.leaves();
      it.rest();
    },
    breaks: (it) => {
      givesUp(it, 100);
      it.acknowledged('receive', 1, true);
      it.refused(1, 'HANDLER_TIMEOUT');
      it.rest();
    },
  },
  {
    title: 'a connection that stays open though the worker that gave its handler up lives',
    rule: 'close',
    says: 'is still open after a handler of it was given up',
    settings: limited,
    keeps: (it) => {
      givesUp(it, 100);
      it.dies(WORKER);
      it.returned(1);
      it.introduced('adopt', OTHER);
      it.delivered('receive', 1, OTHER, 2);
      it.runs('receive', 1, OTHER);
      it.acknowledged('receive', 1);
      it.rest();
    },
    breaks: (it) => {
      givesUp(it, 100);
      it.acknowledged('receive', 1, true);
      it.refused(1, 'HANDLER_TIMEOUT');
      it.dies(OTHER);
      it.rest();
    },
  },
  {
    title: "a connection closed by 'handlerTimeout' without one",
    rule: 'close',
    says: "closed by 'handlerTimeout', and that side did not close it",
    settings: limited,
    keeps: (it) => {
      givesUp(it, 100);
      it.acknowledged('receive', 1, true);
      it.refused(1, 'HANDLER_TIMEOUT');
      it.closed('handlerTimeout');
      it.leaves();
      it.rest();
    },
    breaks: (it) => {
      it.opens();
      it.handles(1);
      it.closed('handlerTimeout');
      it.leaves();
      it.rest();
    },
  },
  // lost
  {
    title: 'a packet that stays in the reactor for ever',
    rule: 'lost',
    says: 'packet 2 waits in the reactor for ever; 1 packets are not settled',
    keeps: (it) => {
      it.opens();
      it.handles(1);
      it.handles(2);
      it.rest();
    },
    breaks: (it) => {
      it.opens();
      it.handles(1);
      it.packet(2);
      it.rest();
    },
  },
  {
    title: 'a packet that a worker has and never starts',
    rule: 'lost',
    says: `packet 1 is with worker pid ${WORKER} for ever; 2 packets are not settled`,
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.packet(2);
      // Its handler has not settled yet: that is the application's business.
      it.started('receive', 1);
      it.rest();
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.packet(2);
      it.rest();
    },
  },
  {
    title: 'a packet whose settlement never comes back',
    rule: 'lost',
    says: `packet 1 is with worker pid ${WORKER} for ever, its handler has settled; 1 packets are not settled`,
    keeps: (it) => {
      it.opens();
      it.handles(1);
      it.rest();
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.runs('receive', 1);
      it.rest();
    },
  },
  {
    title: 'a packet that a dead worker keeps',
    rule: 'lost',
    says: `packet 1 is with worker pid ${WORKER} for ever; 1 packets are not settled`,
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      it.dies(WORKER);
      it.returned(1);
      it.introduced('adopt', OTHER);
      it.delivered('receive', 1, OTHER, 2);
      it.runs('receive', 1, OTHER);
      it.acknowledged('receive', 1);
      it.rest();
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      it.dies(WORKER);
      it.rest();
    },
  },
  {
    title: 'a packet that is poison after two deaths',
    rule: 'lost',
    says: 'packet 1 is refused as poison after 2 deaths',
    keeps: (it) => {
      it.opens();
      it.packet(1);
      for (const pid of [WORKER, OTHER]) {
        diesWithPacket(it, pid);
        it.returned(1);
      }
      diesWithPacket(it, 12);
      it.refused(1, 'PACKET_POISON');
      it.closed('poison');
      it.forgotten();
    },
    breaks: (it) => {
      it.opens();
      it.packet(1);
      diesWithPacket(it, WORKER);
      it.returned(1);
      diesWithPacket(it, OTHER);
      it.refused(1, 'PACKET_POISON');
    },
  },
  {
    title: 'a packet that a worker has begun and that is no second attempt',
    rule: 'settlement',
    says: 'packet 1 is attempt 1, and 1 workers have begun it',
    keeps: (it) => comesBack(it, 2),
    breaks: (it) => comesBack(it, 1),
  },
  {
    title: 'a packet that is a third attempt after one loss',
    rule: 'settlement',
    says: 'packet 1 is attempt 3 after 1 lost workers',
    keeps: (it) => comesBack(it, 2),
    breaks: (it) => comesBack(it, 3),
  },
  {
    title: 'a packet that is a second attempt though its worker gave it back unstarted',
    rule: 'settlement',
    says: 'packet 1 is attempt 2 after 0 lost workers',
    keeps: (it) => isGivenBack(it, 1),
    breaks: (it) => isGivenBack(it, 2),
  },
  {
    title: 'packets that are refused when only the client has closed',
    rule: 'lost',
    says: '1 packets are refused though only its client closed it',
    keeps: (it) => {
      it.opens();
      it.packet(1);
      it.client('ends');
      it.ended();
      it.refused(1);
      it.closed('client');
      it.leaves();
    },
    breaks: (it) => {
      it.opens();
      it.packet(1);
      it.client('ends');
      it.refused(1);
      it.closed('client');
      it.leaves();
    },
  },
  {
    title: 'packets that are refused after only the client has closed',
    rule: 'lost',
    says: '1 packets are refused though only its client closed it',
    keeps: (it) => {
      it.opens();
      it.packet(1);
      it.client('resets');
      it.closed('error');
      it.delivered('receive', 1);
      it.runs('receive', 1);
      it.acknowledged('receive', 1);
      it.leaves();
    },
    breaks: (it) => {
      it.opens();
      it.packet(1);
      it.client('resets');
      it.closed('error');
      it.refused(1);
      it.leaves();
    },
  },
  {
    title: 'packets that are refused when only the client has closed, and no stream had them',
    rule: 'lost',
    says: '1 packets are refused though only its client closed it',
    keeps: (it) => resetWhileGiven(it, () => it.drops(1)),
    breaks: (it) => resetWhileGiven(it, () => {}),
  },
  {
    title: 'a packet that is discarded and not refused',
    rule: 'lost',
    says: 'is forgotten with 1 packets neither handled nor refused',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.ended();
      it.acknowledged('receive', 1, true);
      it.refused(1);
      it.closed('server');
      it.leaves();
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.ended();
      it.acknowledged('receive', 1, true);
      it.closed('server');
      it.leaves();
    },
  },
  {
    title: 'a connection that is forgotten with a packet in it',
    rule: 'lost',
    says: 'is forgotten with 1 packets neither handled nor refused',
    keeps: (it) => {
      it.opens();
      it.handles(1);
      it.client('ends');
      it.closed('client');
      it.leaves();
    },
    breaks: (it) => {
      it.opens();
      it.packet(1);
      it.client('ends');
      it.closed('client');
      it.delivered('close');
      it.acknowledged('close');
      it.forgotten();
    },
  },

  // settlement
  {
    title: 'a connect that is settled while its handler runs',
    rule: 'settlement',
    says: 'its connect is settled while the handler still runs',
    keeps: (it) => it.opens(),
    breaks: (it) => {
      it.connects();
      it.accepted();
      it.delivered('connect');
      it.started('connect');
      it.acknowledged('introduction');
    },
  },
  {
    title: 'an adoption that is settled while its handler runs',
    rule: 'settlement',
    says: 'its adopt is settled while the handler still runs',
    keeps: (it) => {
      it.opens();
      it.dies(WORKER);
      it.introduced('adopt', OTHER);
    },
    breaks: (it) => {
      it.opens();
      it.dies(WORKER);
      it.delivered('adopt', 0, OTHER);
      it.started('adopt', 0, OTHER);
      it.acknowledged('introduction');
    },
  },
  {
    title: 'a close that is settled while its handler runs',
    rule: 'settlement',
    says: 'its close is settled while the handler still runs',
    keeps: (it) => {
      it.opens();
      it.client('ends');
      it.closed('client');
      it.leaves();
    },
    breaks: (it) => {
      it.opens();
      it.client('ends');
      it.closed('client');
      it.delivered('close');
      it.started('close');
      it.acknowledged('close');
    },
  },
  {
    title: 'a packet that comes back after it was settled',
    rule: 'settlement',
    says: 'packet 1 is given back though it is settled',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.runs('receive', 1);
      it.dies(WORKER);
      it.returned(1);
    },
    breaks: (it) => {
      it.opens();
      it.handles(1);
      it.dies(WORKER);
      it.returned(1);
    },
  },
  {
    title: 'a packet that is given to a worker again after it was settled',
    rule: 'settlement',
    says: 'packet 1 is given to a worker again after it was settled',
    keeps: (it) => {
      it.opens();
      it.handles(1);
      it.dies(WORKER);
      it.introduced('adopt', OTHER);
      it.handles(2, OTHER);
    },
    breaks: (it) => {
      it.opens();
      it.handles(1);
      it.dies(WORKER);
      it.introduced('adopt', OTHER);
      it.delivered('receive', 1, OTHER, 2);
    },
  },
  {
    title: 'a packet that two living workers have',
    rule: 'settlement',
    says: 'packet 1 is given to a second worker while the first has it',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.returned(1);
      it.introduced('adopt', OTHER);
      it.delivered('receive', 1, OTHER);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.delivered('receive', 1, OTHER);
    },
  },
  {
    title: 'a packet that is settled twice',
    rule: 'settlement',
    says: 'packet 1 is settled twice',
    keeps: (it) => {
      it.opens();
      it.handles(1);
    },
    breaks: (it) => {
      it.opens();
      it.handles(1);
      it.acknowledged('receive', 1);
    },
  },
  {
    title: 'a packet that comes back though the answer that settled it is on its way to the client',
    rule: 'settlement',
    says: 'packet 1 is given back though the answer that settled it was written',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      // An answer of an earlier turn settles nothing.
      it.sent('one');
      it.settled('receive', 1);
      it.output('one');
      it.dies(WORKER);
      it.returned(1);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      answers(it, 1, 'one');
      it.output('one');
      it.dies(WORKER);
      it.returned(1);
    },
  },
  {
    title: 'a packet that is settled before an earlier one',
    rule: 'settlement',
    says: 'packet 2 is settled before packet 1',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.gives(2);
      it.runs('receive', 1);
      it.runs('receive', 2);
      it.acknowledged('receive', 1);
      it.acknowledged('receive', 2);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.gives(2);
      it.runs('receive', 1);
      it.runs('receive', 2);
      it.acknowledged('receive', 2);
    },
  },
  {
    title: 'a packet that is refused after it was handled',
    rule: 'settlement',
    says: 'packet 1 is refused though it is settled',
    keeps: (it) => {
      it.opens();
      it.handles(1);
      it.packet(2);
      it.ended();
      it.refused(2);
    },
    breaks: (it) => {
      it.opens();
      it.handles(1);
      it.packet(2);
      it.ended();
      it.refused(1);
    },
  },
  {
    title: 'a packet that is settled while its handler runs',
    rule: 'settlement',
    says: 'packet 1 is settled before its handler has settled',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      it.settled('receive', 1, WORKER, 'failed');
      it.acknowledged('receive', 1);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      it.acknowledged('receive', 1);
    },
  },
  {
    title: 'a packet that is settled without ever having been handled',
    rule: 'settlement',
    says: 'packet 1 is settled before its handler has settled',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.ended();
      it.acknowledged('receive', 1, true);
      it.refused(1);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.ended();
      it.acknowledged('receive', 1);
    },
  },
  {
    title: 'a packet that is settled for the handler of a worker that lost it',
    rule: 'settlement',
    says: 'packet 1 is settled before its handler has settled',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.runs('receive', 1);
      it.dies(WORKER);
      it.acknowledged('receive', 1);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.runs('receive', 1);
      it.dies(WORKER);
      it.returned(1);
      it.introduced('adopt', OTHER);
      it.delivered('receive', 1, OTHER, 2);
      it.acknowledged('receive', 1);
    },
  },

  // order
  {
    title: 'a number that is left out',
    rule: 'order',
    says: 'packet 3 came after 1',
    keeps: (it) => {
      it.opens();
      it.handles(1);
      it.handles(2);
      it.handles(3);
    },
    breaks: (it) => {
      it.opens();
      it.handles(1);
      it.packet(3);
    },
  },
  {
    title: 'a number that comes twice',
    rule: 'order',
    says: 'packet 1 came after 1',
    keeps: (it) => {
      it.opens();
      it.handles(1);
    },
    breaks: (it) => {
      it.opens();
      it.handles(1);
      it.packet(1);
    },
  },
  {
    title: 'a second connect',
    rule: 'order',
    says: 'is connected a second time',
    keeps: (it) => {
      it.connects();
      it.accepted();
      it.delivered('connect');
      it.started('connect');
      it.dies(WORKER);
      // The first did not settle.
      it.introduced('connect', OTHER);
    },
    breaks: (it) => {
      it.opens();
      it.dies(WORKER);
      it.delivered('connect', 0, OTHER);
    },
  },
  {
    title: 'an adoption before the connect has settled',
    rule: 'order',
    says: 'is adopted before it is connected',
    keeps: (it) => {
      it.opens();
      it.dies(WORKER);
      it.introduced('adopt', OTHER);
    },
    breaks: (it) => {
      it.connects();
      it.accepted();
      it.delivered('connect');
      it.started('connect');
      it.dies(WORKER);
      it.delivered('adopt', 0, OTHER);
    },
  },
  {
    title: 'a handler that starts without having been asked',
    rule: 'order',
    says: 'Chat.receive starts number 9999, which was not given to its worker',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
    },
    breaks: (it) => {
      it.opens();
      it.packet(1);
      it.started('receive', 1);
    },
  },
  {
    title: 'a handler that starts in another worker than was asked',
    rule: 'order',
    says: 'Chat.receive starts number 9999, which was not given to its worker',
    keeps: (it) => {
      it.opens();
      it.gives(1, WORKER);
      it.started('receive', 1, WORKER);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1, WORKER);
      it.started('receive', 1, OTHER);
    },
  },
  {
    title: 'a packet that is given after a later one',
    rule: 'order',
    says: 'packet 1 is given after packet 2',
    keeps: (it) => {
      it.opens();
      it.packet(1);
      it.packet(2);
      it.delivered('receive', 1);
      it.delivered('receive', 2);
    },
    breaks: (it) => {
      it.opens();
      it.packet(1);
      it.packet(2);
      it.delivered('receive', 2);
      it.delivered('receive', 1);
    },
  },
  {
    title: 'a connection that moves while its worker has a packet of it',
    rule: 'order',
    says: `goes to pid ${OTHER} while pid ${WORKER} has packet 1 of it`,
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.returned(1, true);
      it.delivered('adopt', 0, OTHER);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.delivered('adopt', 0, OTHER);
    },
  },
  {
    title: 'a packet that comes back as not started though its handler had begun',
    rule: 'settlement',
    says: 'packet 1 is given back as not started, and its handler had begun',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.returned(1, true);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      it.returned(1, true);
    },
  },
  {
    title: 'a packet that is refused for the loss of its worker although it is to be delivered again',
    rule: 'lost',
    says: 'packet 1 is refused because its worker was lost, and should be delivered again',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.returned(1);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.refused(1, 'WORKER_LOST');
    },
  },
  {
    title: 'two living workers with a handler of one connection',
    rule: 'order',
    says: `Chat.adopt starts while pid ${WORKER} runs a handler of it`,
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      it.dies(WORKER);
      it.delivered('adopt', 0, OTHER);
      it.started('adopt', 0, OTHER);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      it.refused(1);
      it.delivered('adopt', 0, OTHER);
      it.started('adopt', 0, OTHER);
    },
  },
  {
    title: 'a close that runs beside a packet',
    rule: 'order',
    says: 'Chat.close starts while another handler of it runs',
    keeps: (it) => {
      it.opens();
      it.handles(1);
      it.delivered('close');
      it.started('close');
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      it.delivered('close');
      it.started('close');
    },
  },
  {
    title: 'a packet after the close',
    rule: 'order',
    says: 'packet 1 is handled after the close',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.delivered('close');
      it.runs('receive', 1);
      it.runs('close');
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.ended();
      it.delivered('close');
      it.runs('close');
      it.started('receive', 1);
    },
  },
  {
    title: 'a packet before the connect has settled',
    rule: 'order',
    says: 'packet 1 is handled before its connect has settled',
    keeps: (it) => {
      it.connects();
      it.accepted();
      it.delivered('connect');
      it.started('connect');
      it.gives(1);
      it.settled('connect');
      it.started('receive', 1);
    },
    breaks: (it) => {
      it.connects();
      it.accepted();
      it.delivered('connect');
      it.started('connect');
      it.gives(1);
      it.started('receive', 1);
    },
  },
  {
    title: 'a packet beside another',
    rule: 'order',
    says: 'packet 2 is handled beside 1 others',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.gives(2);
      it.runs('receive', 1);
      it.started('receive', 2);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.gives(2);
      it.started('receive', 1);
      it.started('receive', 2);
    },
  },
  {
    title: 'one packet more beside others than concurrency allows',
    rule: 'order',
    says: 'packet 4 is handled beside 3 others',
    settings: three,
    keeps: (it) => {
      it.opens();
      for (const packet of [1, 2, 3, 4]) it.gives(packet);
      for (const packet of [1, 2, 3]) it.started('receive', packet);
      it.settled('receive', 2);
      it.started('receive', 4);
    },
    breaks: (it) => {
      it.opens();
      for (const packet of [1, 2, 3, 4]) it.gives(packet);
      for (const packet of [1, 2, 3, 4]) it.started('receive', packet);
    },
  },
  {
    title: 'a packet that starts after a later one',
    rule: 'order',
    says: 'packet 1 is handled after packet 2',
    settings: three,
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.gives(2);
      it.started('receive', 1);
      it.started('receive', 2);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.gives(2);
      it.started('receive', 2);
      it.started('receive', 1);
    },
  },
  {
    title: 'a packet that starts before an earlier one',
    rule: 'order',
    says: 'packet 2 is handled before packet 1',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.gives(2);
      it.runs('receive', 1);
      it.started('receive', 2);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.gives(2);
      it.started('receive', 2);
    },
  },
  {
    title: 'a packet that is handled before one that a dead worker gave back',
    rule: 'order',
    says: 'packet 2 is handled before packet 1',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.runs('receive', 1);
      it.dies(WORKER);
      it.returned(1);
      it.packet(2);
      it.introduced('adopt', OTHER);
      it.delivered('receive', 1, OTHER, 2);
      it.delivered('receive', 2, OTHER);
      it.runs('receive', 1, OTHER);
      it.started('receive', 2, OTHER);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.runs('receive', 1);
      it.dies(WORKER);
      it.returned(1);
      it.packet(2);
      it.introduced('adopt', OTHER);
      it.delivered('receive', 2, OTHER);
      it.started('receive', 2, OTHER);
    },
  },
  {
    title: 'a close before a packet is handled',
    rule: 'order',
    says: 'Chat.close starts before packet 1 is handled',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.delivered('close');
      // After close() of a handler what waits is discarded.
      it.ended();
      it.started('close');
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.delivered('close');
      it.started('close');
    },
  },
  {
    title: 'a handler of a connection that is over',
    rule: 'order',
    says: `Chat.receive runs for connection ${CONNECTION}, which is over`,
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.ended();
      it.acknowledged('receive', 1, true);
      it.refused(1);
      it.closed('server');
      it.leaves();
      it.started('receive', 1);
    },
  },

  // close
  {
    title: 'a second close event',
    rule: 'close',
    says: 'gets a second close event',
    keeps: (it) => {
      it.opens();
      it.delivered('close');
      it.started('close');
      it.dies(WORKER);
      // The first did not settle.
      it.introduced('adopt', OTHER);
      it.delivered('close', 0, OTHER);
    },
    breaks: (it) => {
      it.opens();
      it.delivered('close');
      it.runs('close');
      it.acknowledged('close');
      it.delivered('close', 0, OTHER);
    },
  },
  {
    title: 'a close that is settled twice',
    rule: 'close',
    says: 'its close is settled twice',
    keeps: (it) => {
      it.opens();
      it.delivered('close');
      it.runs('close');
      it.acknowledged('close');
    },
    breaks: (it) => {
      it.opens();
      it.delivered('close');
      it.runs('close');
      it.acknowledged('close');
      it.acknowledged('close');
    },
  },
  {
    title: 'a socket that closes twice',
    rule: 'close',
    says: 'is closed twice',
    keeps: (it) => {
      it.opens();
      it.client('ends');
      it.closed('client');
    },
    breaks: (it) => {
      it.opens();
      it.client('ends');
      it.closed('client');
      it.closed('client');
    },
  },
  {
    title: 'a connection that is forgotten while it is open',
    rule: 'close',
    says: 'is forgotten before it is closed',
    keeps: (it) => {
      it.opens();
      it.client('ends');
      it.closed('client');
      it.leaves();
    },
    breaks: (it) => {
      it.opens();
      it.leaves();
    },
  },
  {
    title: 'a connection that is forgotten without a close event',
    rule: 'close',
    says: 'is forgotten without a close event',
    keeps: (it) => {
      it.opens();
      it.client('ends');
      it.closed('client');
      it.leaves();
    },
    breaks: (it) => {
      it.opens();
      it.client('ends');
      it.closed('client');
      it.forgotten();
    },
  },
  {
    title: 'a close event that is given up before it has killed three workers in a row',
    rule: 'close',
    says: 'is forgotten without a close event',
    keeps: (it) => {
      it.opens();
      it.client('ends');
      it.closed('client');
      for (const worker of [WORKER, OTHER, OTHER + 1]) {
        it.delivered('close', 0, worker);
        it.started('close', 0, worker);
        it.dies(worker);
      }
      it.forgotten();
    },
    breaks: (it) => {
      it.opens();
      it.client('ends');
      it.closed('client');
      for (const worker of [WORKER, OTHER]) {
        it.delivered('close', 0, worker);
        it.started('close', 0, worker);
        it.dies(worker);
      }
      it.forgotten();
    },
  },
  {
    title: 'a fact about a connection that is over',
    rule: 'close',
    says: 'packet after it was over',
    keeps: (it) => {
      it.opens();
      it.packet(1);
    },
    breaks: (it) => {
      it.opens();
      it.client('ends');
      it.closed('client');
      it.leaves();
      it.packet(1);
    },
  },
  ...['ends', 'resets'].map((kind): Pair => {
    return {
      title: `a close by the client that the client did not make, and one that it made (${kind})`,
      rule: 'close',
      says: "closed by 'client', and that side did not close it",
      keeps: (it) => {
        it.opens();
        it.client(kind as 'ends' | 'resets');
        it.closed('client');
      },
      breaks: (it) => {
        it.opens();
        it.closed('client');
      },
    };
  }),
  {
    title: 'a connection that breaks and nobody broke',
    rule: 'close',
    says: "closed by 'error', and that side did not close it",
    keeps: (it) => {
      it.opens();
      it.client('resets');
      it.closed('error');
    },
    breaks: (it) => {
      it.opens();
      // An end is no reset.
      it.client('ends');
      it.closed('error');
    },
  },
  {
    title: 'a close by the server that no handler made',
    rule: 'close',
    says: "closed by 'server', and that side did not close it",
    keeps: (it) => {
      it.opens();
      it.ended();
      it.closed('server');
    },
    breaks: (it) => {
      it.opens();
      it.closed('server');
    },
  },
  {
    title: 'a close by the shutdown of a server that does not stop',
    rule: 'close',
    says: "closed by 'shutdown', and that side did not close it",
    keeps: (it) => {
      it.opens();
      it.invariants.stopping();
      it.closed('shutdown');
    },
    breaks: (it) => {
      it.opens();
      it.closed('shutdown');
    },
  },
  {
    title: 'a connection that is closed and stays for ever',
    rule: 'close',
    says: 'is closed, and never forgotten',
    keeps: (it) => {
      it.opens();
      it.client('ends');
      it.closed('client');
      it.delivered('close');
      // Its close handler still runs.
      it.started('close');
      it.rest();
    },
    breaks: (it) => {
      it.opens();
      it.client('ends');
      it.closed('client');
      it.delivered('close');
      it.rest();
    },
  },
  {
    title: 'a connection that is there when the server has left',
    rule: 'close',
    says: 'was never closed to its end',
    keeps: (it) => {
      it.opens();
      it.invariants.stopping();
      it.closed('shutdown');
      it.leaves();
      it.end();
    },
    breaks: (it) => {
      it.opens();
      it.invariants.stopping();
      it.closed('shutdown');
      it.end();
    },
  },

  // bytes
  {
    title: 'a write that ends inside a send',
    rule: 'bytes',
    says: `2 bytes were written that end inside a send of pid ${WORKER}`,
    keeps: (it) => {
      it.opens();
      it.sent('one');
      it.output('one');
    },
    breaks: (it) => {
      it.opens();
      it.sent('one');
      it.output('on');
    },
  },
  {
    title: 'a write of other bytes than were sent',
    rule: 'bytes',
    says: `was written "onetwp" where pid ${WORKER} sent "onetwo"`,
    keeps: (it) => {
      it.opens();
      it.sent('one');
      it.sent('two');
      it.output('onetwo');
    },
    breaks: (it) => {
      it.opens();
      it.sent('one');
      it.sent('two');
      it.output('onetwp');
    },
  },
  {
    title: 'a send that is left out',
    rule: 'bytes',
    says: `was written "two" where pid ${WORKER} sent "one"`,
    keeps: (it) => {
      it.opens();
      it.sent('one');
      it.sent('two', OTHER);
      it.output('two', OTHER);
      it.output('one');
    },
    breaks: (it) => {
      it.opens();
      it.sent('one');
      it.sent('two');
      it.output('two');
    },
  },
  {
    title: 'a packet that is settled before its answer is written',
    rule: 'bytes',
    says: 'packet 1 is settled before what its handler sent was written',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      answers(it, 1, 'one');
      it.output('one');
      it.acknowledged('receive', 1);
      it.client('ends');
      it.closed('client');
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      answers(it, 1, 'one');
      it.acknowledged('receive', 1);
      it.client('ends');
      it.closed('client');
    },
  },
  {
    title: 'a packet of an open connection that is settled and never answered',
    rule: 'bytes',
    says: 'packet 1 is settled before what its handler sent was written',
    keeps: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      answers(it, 1, 'one');
      // What comes after a close of the handler itself is not written.
      it.ended();
      it.acknowledged('receive', 1);
      it.rest();
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      answers(it, 1, 'one');
      it.acknowledged('receive', 1);
      it.rest();
    },
  },
  {
    title: 'a last send that is never written',
    rule: 'bytes',
    says: `3 bytes that pid ${WORKER} sent were never written`,
    keeps: (it) => {
      it.opens();
      it.sent('one');
      it.output('one');
      it.sent('two');
      // What had not left a dead worker is lost with it.
      it.dies(WORKER);
      it.rest('one');
    },
    breaks: (it) => {
      it.opens();
      it.sent('one');
      it.output('one');
      it.sent('two');
      it.rest('one');
    },
  },
  {
    title: 'a write that nobody sent',
    rule: 'bytes',
    says: '3 bytes were written that nobody sent',
    keeps: (it) => {
      it.opens();
      it.output('one');
      // The owner of the socket may tell first.
      it.sent('one');
      it.rest('one');
    },
    breaks: (it) => {
      it.opens();
      it.output('one');
      it.rest('one');
    },
  },
  {
    title: 'other bytes at the client than were written',
    rule: 'bytes',
    says: 'client 0 got "twp" at byte 3, where "two" was written',
    keeps: (it) => {
      writes(it, 'one', 'two');
      it.rest('onetwo');
    },
    breaks: (it) => {
      writes(it, 'one', 'two');
      it.rest('onetwp');
    },
  },
  {
    title: 'other bytes in a send that is too long to be shown',
    rule: 'bytes',
    says: `client 0 got "${factText(almostLong)}" at byte 0, where "${factText(long)}" was written`,
    keeps: (it) => {
      writesLong(it);
      it.rest(long);
    },
    breaks: (it) => {
      writesLong(it);
      it.rest(almostLong);
    },
  },
  {
    title: 'more bytes at the client than were written',
    rule: 'bytes',
    says: 'client 0 got 4 bytes of 3 that were written',
    keeps: (it) => {
      writes(it, 'one');
      it.rest('one');
    },
    breaks: (it) => {
      writes(it, 'one');
      it.rest('one!');
    },
  },
  {
    title: 'fewer bytes at an open client than were written',
    rule: 'bytes',
    says: 'client 0 got only 5 of 6 bytes',
    keeps: (it) => {
      writes(it, 'one', 'two');
      // It broke the connection, and cannot have all.
      it.client('resets');
      it.rest('onetw');
    },
    breaks: (it) => {
      writes(it, 'one', 'two');
      it.rest('onetw');
    },
  },
  {
    title: 'fewer bytes at a client that reads again',
    rule: 'bytes',
    says: 'client 0 got only 3 of 6 bytes',
    keeps: (it) => {
      writes(it, 'one', 'two');
      it.client('pauses');
      it.rest('one');
    },
    breaks: (it) => {
      writes(it, 'one', 'two');
      it.client('pauses');
      it.client('resumes');
      it.rest('one');
    },
  },

  // bounds
  {
    title: 'a connection more than maxConnection',
    rule: 'bounds',
    says: 'connection 7 is one more than maxConnection 1',
    settings: { server: { maxConnection: 1 } },
    keeps: (it) => {
      it.opens();
    },
    breaks: (it) => {
      it.opens();
      it.accepted();
    },
  },
  {
    title: 'a byte more with workers than maxQueuedBytes',
    rule: 'bounds',
    says: '1001 bytes are with workers, of 1000 allowed',
    settings: { listener: { maxQueuedBytes: 1_000 } },
    keeps: (it) => {
      it.opens();
      it.packet(1, 500);
      it.packet(2, 372);
      it.delivered('receive', 1);
      it.delivered('receive', 2);
    },
    breaks: (it) => {
      it.opens();
      it.packet(1, 500);
      it.packet(2, 373);
      it.delivered('receive', 1);
      it.delivered('receive', 2);
    },
  },
  {
    title: 'packets beside one that alone exceeds maxQueuedBytes',
    rule: 'bounds',
    says: '2131 bytes are with workers, of 1000 allowed',
    settings: { listener: { maxQueuedBytes: 1_000 } },
    keeps: (it) => {
      it.opens();
      it.packet(1, 2_000);
      it.delivered('receive', 1);
      it.runs('receive', 1);
      it.acknowledged('receive', 1);
      it.gives(2);
    },
    breaks: (it) => {
      it.opens();
      it.packet(1, 2_000);
      it.delivered('receive', 1);
      it.gives(2);
    },
  },
  {
    title: 'a byte more with a worker than pipeWindow and one packet',
    rule: 'bounds',
    says: '66601 bytes are with pid 10, of 66600 allowed',
    // One small packet of 64 KiB is always admitted: 1000 + 65536 + 64.
    settings: { server: { pipeWindow: 1_000 }, listener: { maxQueuedBytes: 1_000_000 } },
    keeps: (it) => {
      it.opens();
      fillsPipe(it, 6_536);
      // Larger ones have an account of their own, and so has what was settled.
      it.packet(8, 65_537);
      it.delivered('receive', 8);
      it.runs('receive', 1);
      it.acknowledged('receive', 1);
      it.gives(9);
    },
    breaks: (it) => {
      it.opens();
      fillsPipe(it, 6_537);
    },
  },
  {
    title: 'a send that is refused where the bound closes',
    rule: 'bounds',
    says: 'a send is refused, and should close it',
    settings: {},
    keeps: (it) => {
      it.opens();
      it.sent('one');
      it.output('one');
      it.rest();
    },
    breaks: (it) => {
      it.opens();
      it.sent('one');
      it.outputRefused('one');
      it.rest();
    },
  },
  {
    title: 'a mark that is told twice in a row',
    rule: 'order',
    says: 'bufferFull is told twice in a row',
    settings: {},
    keeps: (it) => {
      it.opens();
      for (const event of ['bufferFull', 'bufferEmpty', 'bufferFull'] as const) it.mark(event);
    },
    breaks: (it) => {
      it.opens();
      for (const event of ['bufferFull', 'bufferFull'] as const) it.mark(event);
    },
  },
  {
    title: 'an owner that drains until its time is over, and has nothing left',
    rule: 'stats',
    says: 'pid 1 drains until its time is over, and has nothing left',
    settings: {},
    keeps: (it) => {
      it.opens();
      it.owner({ kind: 'outOfTime' });
    },
    breaks: (it) => {
      it.owner({ kind: 'outOfTime' });
    },
  },
  {
    title: 'a mark that is never taken back, though nothing waits',
    rule: 'order',
    says: 'bufferEmpty is never told, and nothing waits for the client',
    settings: {},
    keeps: (it) => {
      it.opens();
      it.gives(1);
      for (const event of ['bufferFull', 'bufferEmpty'] as const) it.mark(event);
      it.runs('receive', 1);
      it.acknowledged('receive', 1);
      it.rest();
    },
    breaks: (it) => {
      it.opens();
      it.gives(1);
      it.mark('bufferFull');
      it.runs('receive', 1);
      it.acknowledged('receive', 1);
      it.rest();
    },
  },
  {
    title: 'a sender who is told of a byte more than the system can have',
    rule: 'bytes',
    says: 'a sender is told that 2004 bytes are out, and 1 of them are not with the system',
    settings: {},
    keeps: (it) => {
      it.opens();
      it.receives('abc');
      it.out(2_003);
    },
    breaks: (it) => {
      it.opens();
      it.receives('abc');
      it.out(2_004);
    },
  },
  {
    title: 'a file whose bytes come behind what was sent after it',
    rule: 'bytes',
    says: 'client 0 got "late" at byte 0, where "file" was written',
    settings: { listener: { outputOverflow: 'reject' } },
    keeps: (it) => {
      it.opens();
      sendsFile(it);
      it.receives('filelate');
      it.rest('filelate');
    },
    breaks: (it) => {
      it.opens();
      sendsFile(it);
      it.receives('latefile');
      it.rest('latefile');
    },
  },
  {
    title: 'a byte more that waits for a client than the buffers have room for',
    rule: 'bounds',
    says: '3025 bytes wait for its client, of 3024 allowed',
    // socketBufferSize 1024, and twice the 1000 of the system.
    settings: {},
    keeps: (it) => {
      it.opens();
      it.output('', WORKER, 3_024);
    },
    breaks: (it) => {
      it.opens();
      it.output('', WORKER, 3_025);
    },
  },
  {
    title: 'a byte more for a client that is sent a file, of which 64 KiB may be in memory',
    rule: 'bounds',
    says: '68561 bytes wait for its client, of 68560 allowed',
    settings: {},
    keeps: (it) => {
      it.opens();
      it.owner({ kind: 'file', connection: CONNECTION, file: 1 });
      it.output('', WORKER, 68_560);
    },
    breaks: (it) => {
      it.opens();
      it.owner({ kind: 'file', connection: CONNECTION, file: 1 });
      it.output('', WORKER, 68_561);
    },
  },
  {
    title: 'a byte more for a client that has taken some, where one packet is larger than the buffer',
    rule: 'bounds',
    says: '7001 bytes wait for its client, of 7000 allowed',
    settings: { listener: { packageMaxLength: 5_000 } },
    keeps: (it) => {
      it.opens();
      it.output('', WORKER, 7_000);
      it.receives('x'.repeat(100));
      it.output('', WORKER, 100);
    },
    breaks: (it) => {
      it.opens();
      it.output('', WORKER, 7_000);
      it.receives('x'.repeat(100));
      it.output('', WORKER, 101);
    },
  },
  {
    title: 'what a reactor gives for each of two reactors',
    rule: 'bounds',
    says: '133201 bytes are with pid 10, of 133200 allowed',
    settings: {
      server: { pipeWindow: 1_000, reactorNum: 2 },
      listener: { maxQueuedBytes: 1_000_000 },
    },
    keeps: (it) => {
      it.opens();
      fillsPipe(it, 60_752, 12_000);
    },
    breaks: (it) => {
      it.opens();
      fillsPipe(it, 60_753, 12_000);
    },
  },

  // stats
  ...(
    [
      ['acceptedPackets', 2],
      ['handledPackets', 1],
      ['outstandingPackets', 1],
    ] as const
  ).map(([name, right]): Pair => {
    const told = { acceptedPackets: 2, handledPackets: 1, outstandingPackets: 1 };
    const story = (it: Watched, counted: Partial<ServerStats>): void => {
      it.opens();
      it.handles(1);
      it.gives(2);
      it.started('receive', 2);
      it.rest('', 'open', stats({ ...told, ...counted }));
    };
    return {
      title: `another number of ${name} in stats()`,
      rule: 'stats',
      says: `stats() says ${name} ${right + 1}, and ${right} were seen`,
      keeps: (it) => story(it, {}),
      breaks: (it) => story(it, { [name]: right + 1 }),
    };
  }),
  {
    title: 'a second holder of timers',
    rule: 'timers',
    says: `pid ${OTHER} holds the timers of one worker, and pid ${WORKER} does too`,
    keeps: (it) => {
      it.worker({ kind: 'holds', timers: [1] });
      it.dies(WORKER);
      it.worker({ kind: 'holds', timers: [1] }, OTHER);
      it.worker({ kind: 'releases' }, OTHER);
    },
    breaks: (it) => {
      it.worker({ kind: 'holds', timers: [1] });
      it.worker({ kind: 'holds', timers: [1] }, OTHER);
    },
  },
  {
    title: 'a timer of one worker that still runs where it was held before',
    rule: 'timers',
    says: `pid ${OTHER} holds the timers of one worker, and one still runs in pid ${WORKER}`,
    keeps: (it) => runsInOne(it, 'settled'),
    breaks: (it) => runsInOne(it, 'pending'),
  },
];

function runsInOne(it: Watched, state: 'settled' | 'pending'): void {
  const run = { event: 'tick', handler: 'Chat.tick', subject: 1, seq: 0 };
  it.worker({ kind: 'holds', timers: [1] });
  it.worker({ kind: 'started', ...run });
  if (state === 'settled') it.worker({ kind: 'settled', ...run });
  it.worker({ kind: 'releases' });
  it.worker({ kind: 'holds', timers: [1] }, OTHER);
}

/** A worker dies while it handles packet 1. */
/** A worker dies with a packet that it has started, and the next one gets it as that attempt. */
function comesBack(it: Watched, attempt: number): void {
  it.opens();
  it.packet(1);
  diesWithPacket(it, WORKER);
  it.returned(1);
  it.introduced('adopt', OTHER);
  it.delivered('receive', 1, OTHER, attempt);
}

/** A worker that retires gives a packet back, and the next one gets it as that attempt. */
function isGivenBack(it: Watched, attempt: number): void {
  it.opens();
  it.gives(1);
  it.returned(1, true);
  it.introduced('adopt', OTHER);
  it.delivered('receive', 1, OTHER, attempt);
}

function diesWithPacket(it: Watched, pid: number): void {
  if (pid !== WORKER) it.introduced('adopt', pid);
  it.delivered('receive', 1, pid);
  it.started('receive', 1, pid);
  it.dies(pid);
}

/** The handler of a packet sends in the turn in which it settles. */
function answers(it: Watched, packet: number, text: string): void {
  it.inOneTurn(() => {
    it.sent(text);
    it.settled('receive', packet);
  });
}

function writes(it: Watched, ...texts: readonly string[]): void {
  it.opens();
  for (const text of texts) {
    it.sent(text);
    it.output(text);
  }
}

function writesLong(it: Watched): void {
  it.opens();
  it.worker({ kind: 'sent', connection: CONNECTION, bytes: long.length, data: factText(long) });
  it.output(factText(long), WORKER, long.length);
}

/** Seven packets are with the worker, six of `size` bytes and one of `last`; each costs 64 more. */
function fillsPipe(it: Watched, last: number, size = 9_936): void {
  for (let packet = 1; packet <= 7; packet++) {
    it.packet(packet, packet === 7 ? last : size);
    it.delivered('receive', packet);
  }
}

const withoutConnection = ({ message }: Violation): string => message.replace(/^connection \d+: /, '');

describe('Invariants', () => {
  for (const rule of [
    'lost',
    'settlement',
    'order',
    'close',
    'bytes',
    'bounds',
    'timers',
    'stats',
  ] as const) {
    describe(rule, () => {
      for (const { title, says, settings, keeps, breaks } of pairs.filter((each) => each.rule === rule)) {
        it(`finds ${title}`, () => {
          const good = new Watched(settings);
          keeps(good);
          expect(good.found).to.deep.equal([]);
          const bad = new Watched(settings);
          breaks(bad);
          expect(bad.found.map(withoutConnection)[0]).to.equal(says);
          expect(bad.found[0]?.rule).to.equal(rule);
        });
      }
    });
  }

  it('allows that what came for a stream is dropped with it, although the owner never heard that it was pinned', () => {
    const streams = new Watched({ listener: { streams: true } });
    resetWhileGiven(streams, () => {});
    expect(streams.found).to.deep.equal([]);
  });

  it('names the connection of what it finds, and none for statistics and timers', () => {
    for (const { rule, settings, breaks } of pairs) {
      const watched = new Watched(settings);
      breaks(watched);
      const ofServer = rule === 'stats' || rule === 'timers';
      expect(watched.found[0]?.connection).to.equal(ofServer ? 0 : CONNECTION);
    }
  });

  it('keeps the first 20 violations, and not one more', () => {
    const watched = new Watched();
    watched.opens();
    for (let packet = 2; packet <= 40; packet += 2) watched.packet(packet);
    expect(watched.found.length).to.equal(20);
    watched.packet(99);
    expect(watched.found.length).to.equal(20);
    expect(watched.found.at(-1)?.message).to.include('packet 40 came after 38');
  });

  it('finds nothing in a life with everything in it', () => {
    const it = new Watched();
    it.opens();
    it.handles(1);
    it.gives(2);
    it.started('receive', 2);
    it.sent('one');
    it.dies(WORKER);
    it.returned(2);
    it.introduced('adopt', OTHER);
    it.delivered('receive', 2, OTHER, 2);
    it.started('receive', 2, OTHER);
    it.sent('one', OTHER);
    it.settled('receive', 2, OTHER, 'failed');
    it.output('one', OTHER);
    it.acknowledged('receive', 2);
    it.client('ends');
    it.rest('one', 'open', stats({ acceptedPackets: 2, handledPackets: 2 }));
    it.closed('client');
    it.leaves(OTHER);
    it.rest('one', 'closed', stats({ acceptedPackets: 2, handledPackets: 2 }));
    it.end('one');
    expect(it.found).to.deep.equal([]);
  });

  describe('of a worker that is dead', () => {
    it('takes no handler of it for one that runs', () => {
      const it = new Watched();
      it.opens();
      it.gives(1);
      it.started('receive', 1);
      it.dies(WORKER);
      it.rest();
      expect(it.found.map(({ rule }) => rule)).to.deep.equal(['lost']);
    });

    it('accepts a close event that another worker gets again', () => {
      const it = new Watched();
      it.opens();
      it.client('ends');
      it.closed('client');
      it.delivered('close');
      it.started('close');
      it.dies(WORKER);
      it.introduced('adopt', OTHER);
      it.leaves(OTHER);
      it.end();
      expect(it.found).to.deep.equal([]);
    });

    it('accepts that what it had sent comes out later, or never', () => {
      for (const written of [true, false]) {
        const it = new Watched();
        it.opens();
        it.sent('one');
        it.dies(WORKER);
        if (written) it.output('one');
        it.rest(written ? 'one' : '');
        expect(it.found).to.deep.equal([]);
      }
    });
  });

  it('accepts that what comes with poison is refused, whoever closed the connection', () => {
    const it = new Watched();
    it.opens();
    it.packet(1);
    it.packet(2);
    it.client('ends');
    it.closed('client');
    for (const pid of [WORKER, OTHER]) {
      diesWithPacket(it, pid);
      it.returned(1);
    }
    diesWithPacket(it, 12);
    it.refused(1, 'PACKET_POISON');
    it.refused(2);
    it.forgotten();
    it.end();
    expect(it.found).to.deep.equal([]);
  });

  it('asks for no close of a connection whose handler never settles', () => {
    const it = new Watched();
    it.opens();
    it.gives(1);
    it.started('receive', 1);
    it.rest();
    it.invariants.stopping();
    it.closed('shutdown');
    it.delivered('close');
    it.end();
    expect(it.found).to.deep.equal([]);
  });

  describe('in a dispatch mode that keeps no order', () => {
    it('accepts packets of one connection in two workers, in any order, and no close event', () => {
      const it = new Watched(roundRobin);
      it.connects();
      it.accepted();
      it.gives(1, WORKER);
      it.gives(2, OTHER);
      it.gives(3, WORKER);
      it.started('receive', 2, OTHER);
      it.started('receive', 3, WORKER);
      it.started('receive', 1, WORKER);
      for (const [packet, pid] of [
        [3, WORKER],
        [2, OTHER],
        [1, WORKER],
      ] as const) {
        it.settled('receive', packet, pid);
        it.acknowledged('receive', packet);
      }
      it.client('ends');
      it.closed('client');
      it.forgotten();
      it.end();
      expect(it.found).to.deep.equal([]);
    });

    it('finds a packet that is settled twice, lost, or with two workers', () => {
      const it = new Watched(roundRobin);
      it.connects();
      it.accepted();
      it.handles(1);
      it.acknowledged('receive', 1);
      it.gives(2, WORKER);
      it.delivered('receive', 2, OTHER);
      it.rest();
      expect(it.found.map(({ rule }) => rule)).to.deep.equal(['settlement', 'settlement', 'lost']);
    });
  });

  describe('in base mode', () => {
    const opens = (it: Watched): void => {
      it.connects();
      it.accepted(WORKER);
      it.introduced('connect');
    };

    it('accepts that connections end with their worker, packets and part of their bytes included', () => {
      const it = new Watched(base);
      opens(it);
      it.gives(1);
      it.started('receive', 1);
      it.sent('one');
      it.output('one');
      it.dies(WORKER);
      it.rest('o', 'closed');
      it.end('o');
      expect(it.found).to.deep.equal([]);
    });

    it('finds other bytes than were written also then', () => {
      const it = new Watched(base);
      opens(it);
      it.sent('one');
      it.output('one');
      it.dies(WORKER);
      it.rest('onx', 'closed');
      expect(it.found.map(({ rule }) => rule)).to.deep.equal(['bytes']);
    });

    it('keeps the order of a connection', () => {
      const it = new Watched({ server: { mode: 'base', dispatchMode: 'roundRobin' } });
      opens(it);
      it.gives(1);
      it.gives(2);
      it.started('receive', 2);
      expect(it.found.map(({ rule }) => rule)).to.deep.equal(['order']);
    });

    it('knows no window of a pipe, and no reason of a close', () => {
      const it = new Watched({
        server: { mode: 'base', pipeWindow: 1_000 },
        listener: { maxQueuedBytes: 1_000_000 },
      });
      opens(it);
      fillsPipe(it, 60_000);
      it.closed('error');
      expect(it.found).to.deep.equal([]);
    });
  });

  it('says what it lacks before the server has told its settings', () => {
    expect(() => new Invariants(KERNEL_BUFFER, () => 0).settings).to.throw(
      'the server has not told its settings',
    );
  });

  it('refuses facts of a client that has not connected, and of a listener that there is not', () => {
    const it = new Watched();
    expect(() => it.client('ends')).to.throw('client 0 has not connected');
    const connection = { kind: 'accepted', connection: 1, address: '127.0.0.1', port: 1 } as const;
    expect(() => it.owner({ ...connection, listener: 'none' })).to.throw('there is no listener none');
  });

  it('leaves timers and what concerns no connection alone', () => {
    const it = new Watched();
    const tick = { event: 'tick', handler: 'Chat.tick', subject: 3, seq: 0 };
    const start = { event: 'workerStart', handler: 'Chat.start', subject: 0, seq: 0 };
    for (const of of [tick, start]) {
      it.worker({ kind: 'started', ...of });
      it.worker({ kind: 'settled', ...of });
    }
    it.worker({ kind: 'timerSet', timer: 3, handler: 'Chat.tick', delay: 5, repeats: true });
    it.worker({ kind: 'sent', connection: 99, bytes: 1, data: 'x' });
    it.worker({ kind: 'ended', connection: 99, reset: false });
    it.rest();
    it.end();
    expect(it.found).to.deep.equal([]);
  });
});
