import type { TraceEvent } from '../trace/trace-event.js';
import type { SimulatedServer } from '../simulated-server.js';
import type { CrashFault, CrashMoment, Fault, WriteCause } from './fault.js';

/** Which facts are moments at which a worker may die. */
const MOMENTS: { readonly [Kind in TraceEvent['kind']]?: CrashMoment | WriteCause } = {
  started: 'started',
  sent: 'sent',
  settled: 'settled',
  ended: 'ended',
  taskPosted: 'posted',
  messagePosted: 'posted',
  taskAnswered: 'answered',
};

/** Lets the faults of a run happen, each at its moment. One that finds nothing to break does nothing. */
export class FaultInjector {
  /** The faults that took effect. */
  readonly effective = new Set<Fault>();
  /** Crashes that wait for their moment in a worker. */
  readonly #armed = new Set<CrashFault>();
  /** By pid: crashes that wait for a write of the worker. */
  readonly #inWrites = new Map<number, CrashFault>();
  readonly #scheduled: { cancel(): void }[] = [];
  /** Reloads and replacements that have not ended. */
  #replacements = 0;

  constructor(
    private readonly server: SimulatedServer,
    faults: readonly Fault[],
  ) {
    for (const fault of faults)
      this.#scheduled.push(server.world.schedule(fault.at, () => this.#begin(fault)));
  }

  /** Sees every fact in the turn of the process that tells it, and may end that process there. */
  observe(event: TraceEvent): void {
    if (event.kind === 'exited') this.#ended(event.pid, event.signal);
    if (this.#armed.size === 0) return;
    const { pid } = event;
    const kind = MOMENTS[event.kind];
    if (kind === undefined) return;
    for (const fault of this.#armed) {
      if ((fault.after ?? fault.when) !== kind || this.server.world.workerPid(fault.workerId) !== pid)
        continue;
      this.#armed.delete(fault);
      if (fault.when === 'write') this.#killInsideWrite(fault, pid);
      else this.#kill(fault, pid);
      return;
    }
  }

  /** Whether workers are being replaced because of a fault. */
  get replaces(): boolean {
    return this.#replacements > 0;
  }

  /** Nothing further goes wrong, and what is wrong ends. */
  heal(): void {
    for (const each of this.#scheduled) each.cancel();
    this.#armed.clear();
    this.#inWrites.clear();
    this.server.heal();
  }

  #begin(fault: Fault): void {
    const { server } = this;
    switch (fault.kind) {
      case 'crashWorker':
        this.#crash(fault);
        return;
      case 'crashManager':
        if (!server.world.pids.includes(server.running.managerPid)) return;
        this.#note(fault);
        server.world.kill(server.running.managerPid);
        return;
      case 'reload':
        this.#replace(fault, server.running.reload());
        return;
      case 'stopWorker':
        this.#replace(fault, server.running.stop(fault.workerId));
        return;
      case 'hangWorker':
        this.#toWorker(fault, (pid) => server.world.hang(pid, fault.ms));
        return;
      case 'slowPipes':
        this.#toWorker(fault, (pid) => server.world.slowPipes(pid, fault.ms));
        return;
      case 'stall':
      case 'shape':
      case 'reset': {
        const client = server.clients[fault.client];
        if (client === undefined || client.state === 'closed') return;
        this.#note(fault);
        if (fault.kind === 'stall') client.stall(fault.ms);
        else if (fault.kind === 'shape') client.shape(fault.link);
        else client.reset();
      }
    }
  }

  /** One that is refused, because another runs or the server stops, is no fault that took effect. */
  #replace(fault: Fault, work: Promise<unknown>): void {
    this.#replacements++;
    this.#note(fault);
    void work.then(
      () => this.#replacements--,
      () => {
        this.#replacements--;
        this.effective.delete(fault);
      },
    );
  }

  #crash(fault: CrashFault): void {
    const pid = this.server.world.workerPid(fault.workerId);
    if (fault.after !== undefined || (fault.when !== 'now' && fault.when !== 'write')) this.#armed.add(fault);
    else if (pid === undefined) return;
    else if (fault.when === 'write') this.#killInsideWrite(fault, pid);
    else this.#kill(fault, pid);
  }

  #killInsideWrite(fault: CrashFault, pid: number): void {
    this.#inWrites.set(pid, fault);
    this.server.world.killInsideWrite(pid);
  }

  #ended(pid: number, signal: string | null): void {
    const fault = this.#inWrites.get(pid);
    this.#inWrites.delete(pid);
    if (fault !== undefined && signal === 'SIGKILL') this.#note(fault);
  }

  #kill(fault: CrashFault, pid: number): void {
    this.#note(fault);
    this.server.world.kill(pid);
  }

  #toWorker(fault: Fault & { workerId: number }, run: (pid: number) => void): void {
    const pid = this.server.world.workerPid(fault.workerId);
    if (pid === undefined) return;
    this.#note(fault);
    run(pid);
  }

  #note(fault: Fault): void {
    this.effective.add(fault);
    this.server.world.note('test', { kind: 'fault', fault });
  }
}
