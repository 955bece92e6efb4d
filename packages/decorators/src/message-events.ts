/**
 * Decorators of what processes of a server send each other: tasks, their
 * results, and messages. Each has one handler for each name.
 */
import { ConfigError, type PayloadSchema, type PipeMessage, type Task, type TaskResult } from '@shoal/core';
import { show } from '@shoal/core/internal/config/show';
import { isDecorated, type Decorated, type MethodMarker } from './method-decorator.js';
import { subscribe } from './registrations.js';

/** What a task takes and gives: schemas of any library that speaks Standard Schema, zod for example. */
export interface TaskSchemas<
  Input extends PayloadSchema = PayloadSchema,
  Output extends PayloadSchema = PayloadSchema,
> {
  /** What is posted must fit; the handler gets what the schema makes of it. */
  readonly input?: Input;
  /** What the handler returns must fit; the caller gets what the schema makes of it. */
  readonly output?: Output;
}

/** What a schema makes of a value. */
export type SchemaValue<Schema> = Schema extends PayloadSchema<infer Value> ? Value : never;

type TaskHandler = (task: Task<never>) => unknown;

/** `@OnTask`, `@OnTask('thumbnail')`, `@OnTask('thumbnail', { input, output })`. */
export interface TaskDecorator {
  <Input extends PayloadSchema = PayloadSchema<never>, Output extends PayloadSchema = PayloadSchema>(
    name: string,
    schemas?: TaskSchemas<Input, Output>,
  ): MethodMarker<(task: Task<SchemaValue<Input>>) => SchemaValue<Output> | Promise<SchemaValue<Output>>>;
  <Method extends TaskHandler>(
    target: object,
    method: string,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
}

/**
 * In a task worker: does the tasks that `server.task` and `server.taskWait` post,
 * those of one `name`, or all without a name. What it returns, if anything, is the
 * result; what it throws arrives at the caller. `taskConcurrency` tasks are done
 * at a time. What does not fit `input` never reaches the method: the caller gets
 * TaskError TASK_INPUT_INVALID, and TASK_OUTPUT_INVALID for what it returns.
 */
export const OnTask = ((...args: [name: unknown, schemas?: unknown] | Decorated) => {
  if (isDecorated(args) && typeof args[0] === 'object')
    return subscribe('@OnTask', args, { kind: 'event', event: 'task' });
  const name = readName('@OnTask', args[0]);
  const { input, output } = readSchemas(args[1]);
  return (...decorated: Decorated) =>
    subscribe('@OnTask', decorated, {
      kind: 'event',
      event: 'task',
      name,
      ...(input !== undefined && { input }),
      ...(output !== undefined && { output }),
    });
}) as TaskDecorator;

/** `@OnFinish` and `@OnFinish('thumbnail')`. */
export interface FinishDecorator {
  (name: string): MethodMarker<(result: TaskResult<never>) => unknown>;
  <Method extends (result: TaskResult<never>) => unknown>(
    target: object,
    method: string,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
}

/**
 * In the worker that has posted a task with `server.task` and no callback: gets
 * each of its results, or the error it ended with. If that worker has died, the one
 * after it gets them, `orphaned`. Tasks whose name nobody names come to the bare one.
 */
export const OnFinish = ((...args: [name: unknown] | Decorated) => {
  if (isDecorated(args)) return subscribe('@OnFinish', args, { kind: 'event', event: 'finish' });
  const name = readName('@OnFinish', args[0]);
  return (...decorated: Decorated) =>
    subscribe('@OnFinish', decorated, { kind: 'event', event: 'finish', name });
}) as FinishDecorator;

/** `@OnPipeMessage` and `@OnPipeMessage()`. */
export interface MessageDecorator {
  (): MethodMarker<(message: PipeMessage<never>) => unknown>;
  <Method extends (message: PipeMessage<never>) => unknown>(
    target: object,
    method: string,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
}

/**
 * In workers and task workers, and on a class with `@Process` there: gets what others send with
 * `server.sendMessage` and `broadcast`, in the order in which each has sent it, and
 * answers `server.ask` with what it returns. It does not wait for an earlier
 * message whose method has not settled.
 */
export const OnPipeMessage = ((...args: [] | Decorated) => {
  if (isDecorated(args)) return subscribe('@OnPipeMessage', args, { kind: 'event', event: 'pipeMessage' });
  return (...decorated: Decorated) =>
    subscribe('@OnPipeMessage', decorated, { kind: 'event', event: 'pipeMessage' });
}) as MessageDecorator;

function readName(decorator: string, name: unknown): string {
  if (typeof name === 'string' && name !== '') return name;
  throw new ConfigError(
    'CONFIG_INVALID',
    `${decorator} was given ${show(name)} as its name. Write the name of a task, or no parentheses to serve those without one.`,
  );
}

function readSchemas(schemas: unknown = {}): TaskSchemas {
  const given = schemas as Record<string, unknown>;
  const stranger = Object.keys(given).find((key) => key !== 'input' && key !== 'output');
  if (stranger !== undefined)
    throw new ConfigError(
      'CONFIG_INVALID',
      `@OnTask has no option '${stranger}'. It takes input and output.`,
    );
  for (const key of ['input', 'output']) {
    const schema = given[key];
    if (schema === undefined || isSchema(schema)) continue;
    throw new ConfigError(
      'CONFIG_INVALID',
      `@OnTask was given ${show(schema)} as its ${key}. Write a schema of a library that speaks Standard Schema, z.object({ … }) for example.`,
    );
  }
  return given;
}

function isSchema(value: unknown): value is PayloadSchema {
  const standard = (value as Partial<PayloadSchema> | null)?.['~standard'];
  return typeof standard?.validate === 'function';
}
