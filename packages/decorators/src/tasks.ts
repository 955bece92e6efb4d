import { ConfigError, type Task, type TaskWaitOptions } from '@shoal/core';
import { currentServer } from '@shoal/core/internal/current-server';
import type { Constructor } from '@shoal/core/internal/definition';
import { registrationsOf } from './registrations.js';

type TaskMethod = (task: Task<never>) => unknown;

/** The tasks of a class, each as a method that posts it and waits: see `Server.taskWait`. */
export type TaskCaller<Tasks> = {
  readonly [
    Method in keyof Tasks as Tasks[Method] extends TaskMethod ? Method : never
  ]: Tasks[Method] extends (task: Task<infer Input>) => infer Result
    ? (input: Input, options?: TaskWaitOptions) => Promise<Awaited<Result>>
    : never;
};

/**
 * A typed way to the tasks of a class: `tasks(Images).thumbnail(input)` posts what
 * `@OnTask('thumbnail')` on `Images.thumbnail` does, and resolves with what that
 * returns. Made anywhere, called in any process that can post tasks once its
 * server has started.
 *
 * @throws ConfigError CONFIG_INVALID for a class without tasks
 */
export function tasks<Type extends Constructor>(type: Type): TaskCaller<InstanceType<Type>> {
  const caller: Record<string, unknown> = {};
  for (const registration of registrationsOf(type)) {
    if (registration.kind !== 'event' || registration.event !== 'task') continue;
    const { method, name = '' } = registration;
    caller[method] = async (input: unknown, options: TaskWaitOptions = {}) =>
      currentServer(`tasks(${type.name}).${method}`).taskWait(input, { ...options, name });
  }
  if (Object.keys(caller).length > 0) return caller as TaskCaller<InstanceType<Type>>;
  throw new ConfigError('CONFIG_INVALID', `tasks(${type.name}): no method of ${type.name} carries @OnTask.`);
}
