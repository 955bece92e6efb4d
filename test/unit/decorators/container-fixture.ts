/** Boots the container of one process by itself, without a kernel. */
import { Connection, Logger } from '@shoal/core';
import type { ConfigError } from '@shoal/core';
import type { Binding, Constructor } from '@shoal/core/internal/definition';
import type { OverrideRegistry, Provider } from '@shoal/decorators';
import { containerFactory, ProcessContainer } from '@shoal/decorators/internal/container';
import { expect } from 'chai';

export interface Boot {
  readonly types?: readonly Constructor[];
  readonly connectionTypes?: readonly Constructor[];
  readonly providers?: readonly Provider[];
  readonly override?: (registry: OverrideRegistry) => void;
  readonly bindings?: readonly Binding[];
}

export interface Booted {
  readonly container: ProcessContainer;
  /** What the logger of the process wrote. */
  readonly lines: readonly string[];
  get<Instance extends object>(type: abstract new (...args: never[]) => Instance): Instance;
}

export async function boot(what: Boot): Promise<Booted> {
  const lines: string[] = [];
  const write = ({
    message,
    fields,
  }: {
    message: string;
    fields?: Readonly<Record<string, unknown>>;
  }): void => {
    lines.push(`${message}: ${String(fields?.['error'])}`);
  };
  const logger = new Logger({ write }, { role: 'worker' });
  const container = await containerFactory(
    what.providers ?? [],
    what.override,
  )({
    role: 'worker',
    processTypes: what.types ?? [],
    connectionTypes: what.connectionTypes ?? [],
    bindings: [[Logger, logger], ...(what.bindings ?? [])],
  });
  if (!(container instanceof ProcessContainer)) throw new Error('another container');
  return { container, lines, get: (type) => container.resolve(type) as InstanceType<typeof type> };
}

/** The error with which a boot fails. */
export async function bootError(what: Boot): Promise<ConfigError> {
  return boot(what).then(
    () => expect.fail('the boot succeeded'),
    (error: unknown) => error as ConfigError,
  );
}

/** A connection as far as the container is concerned: an object of that class. */
export function connection(): Connection {
  return Object.create(Connection.prototype) as Connection;
}
