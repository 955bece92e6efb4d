/** What scenarios wait for and look at, the same in both worlds. */
import type { TestClient, TestLog, TestServer } from '@shoal/testing';

const STEP_MS = 5;
const VIRTUAL_PATIENCE_MS = 10_000;
/** Real processes share their machine with others. */
const REAL_PATIENCE_MS = 20_000;

/** Lets time pass until the fact holds, and fails with the expectation when it never does. */
export async function eventually(
  server: TestServer,
  expectation: string,
  fact: () => boolean | Promise<boolean>,
): Promise<void> {
  const steps = 'world' in server ? VIRTUAL_PATIENCE_MS / STEP_MS : Infinity;
  const deadline = performance.now() + REAL_PATIENCE_MS;
  for (let step = 0; step < steps && performance.now() < deadline; step++) {
    if (await fact()) return;
    await server.advance(STEP_MS);
  }
  const last = server
    .logs()
    .slice(-20)
    .map(({ role, workerId, message }) => `${role} ${workerId ?? ''}: ${message}`);
  throw new Error(`expected ${expectation}; the last lines:\n${last.join('\n')}`);
}

/** Waits for a log line whose message matches, and gives the first of them. */
export async function logged(server: TestServer, message: string | RegExp): Promise<TestLog> {
  const found = (): TestLog | undefined => linesOf(server, message)[0];
  await eventually(server, `a log line ${String(message)}`, () => found() !== undefined);
  return found()!;
}

/** Waits until exactly so many log lines match, and gives them: real processes tell them by a way of their own, after what they tell clients. */
export async function linesLogged(
  server: TestServer,
  message: string | RegExp,
  count: number,
): Promise<readonly TestLog[]> {
  const enough = (): boolean => linesOf(server, message).length === count;
  await eventually(server, `${count} log lines ${String(message)}`, enough);
  return linesOf(server, message);
}

/** The log lines so far whose message matches. */
export function linesOf(server: TestServer, message: string | RegExp): readonly TestLog[] {
  return server
    .logs()
    .filter((log) => (typeof message === 'string' ? log.message === message : message.test(log.message)));
}

/** What error lines show: an error as it is in a simulation, its fields where it was printed. */
export function errorOf(log: TestLog): { readonly message: string; readonly stack: string } {
  const error = log.fields?.['error'] as { message?: string; stack?: string } | undefined;
  return { message: error?.message ?? '', stack: error?.stack ?? '' };
}

/** Sends a line and gives the answer. */
export async function ask(client: TestClient, line: string): Promise<string> {
  client.send(`${line}\n`);
  return client.receiveLine();
}
