import { show } from '@shoal/core/internal/config/show';
import type { TestClient, TestLog } from '../harness.js';

/** What the assertions about clients look at. */
export type ClientSubject = Pick<TestClient, 'id' | 'state' | 'received'>;

/** An event of a trace, as far as the assertions look at it. */
export interface TraceLike {
  readonly kind: string;
  readonly event?: string;
  readonly handler?: string;
}

/** What the assertions about servers look at. */
export interface ServerSubject {
  logs(): readonly TestLog[];
  readonly trace?: readonly TraceLike[];
}

/** @throws TypeError when it is no client; a wrong subject is a mistake of the test, negated or not. */
export function clientOf(value: unknown, assertion: string): ClientSubject {
  if (isObject(value) && value['received'] instanceof Uint8Array && typeof value['state'] === 'string') {
    return value as unknown as ClientSubject;
  }
  throw mistaken(assertion, 'a client, as server.connect() gives it', value);
}

/** @throws TypeError when it is no server. */
export function serverOf(value: unknown, assertion: string): ServerSubject {
  if (isObject(value) && typeof value['logs'] === 'function') return value as unknown as ServerSubject;
  throw mistaken(assertion, 'a server, as simulate() and launch() give it', value);
}

/** @throws TypeError when the server keeps no trace. */
export function traceOf(server: ServerSubject, assertion: string): readonly TraceLike[] {
  if (Array.isArray(server.trace)) return server.trace;
  throw new TypeError(`expect(…).${assertion} reads the trace of a server, and this one keeps none`);
}

function mistaken(assertion: string, wanted: string, value: unknown): TypeError {
  const got =
    isObject(value) && typeof value['then'] === 'function' ? 'a promise: await it first' : nameOf(value);
  return new TypeError(`expect(…).${assertion} takes ${wanted}, and got ${got}`);
}

function nameOf(value: unknown): string {
  const name = isObject(value) ? (value.constructor as { name?: unknown } | undefined)?.name : undefined;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? `an object of ${name}` : show(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
