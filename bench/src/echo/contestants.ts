import { Program } from '../harness/program.js';

/** How long a server may take to listen, in ms. */
const START_MS = 20_000;

export interface Contestant {
  readonly name: string;
  readonly program: URL;
  readonly args: (prefixed: boolean) => readonly string[];
}

export const PLAIN = 'node:net';

const shoal = new URL('./shoal-server.js', import.meta.url);
const framing = (prefixed: boolean): string => (prefixed ? 'length' : 'raw');

/** In the order in which they take their turns. */
export const contestants: readonly Contestant[] = [
  { name: PLAIN, program: new URL('./plain-server.js', import.meta.url), args: () => [] },
  { name: 'process', program: shoal, args: (prefixed) => ['process', framing(prefixed)] },
  { name: 'base', program: shoal, args: (prefixed) => ['base', framing(prefixed)] },
];

/**
 * Else glibc returns heap and takes it again under large reads, and the same
 * server is fast in one run and half as fast in the next.
 */
const environment = { MALLOC_TRIM_THRESHOLD_: String(256 * 1024 * 1024) };

export class RunningContestant {
  private constructor(
    readonly name: string,
    readonly port: number,
    private readonly program: Program,
  ) {}

  static async start({ name, program, args }: Contestant, prefixed: boolean): Promise<RunningContestant> {
    const started = new Program(`the ${name} server`, program, args(prefixed), environment);
    const port = await started.next('port', START_MS, (message) => (message as { port?: number }).port);
    return new RunningContestant(name, port, started);
  }

  get pid(): number {
    return this.program.pid;
  }

  async leave(): Promise<void> {
    await this.program.leave();
  }
}
