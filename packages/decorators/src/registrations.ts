/**
 * What the decorators of methods record, and how a class's own records join
 * those of its bases.
 */
import { ConfigError } from '@shoal/core';
import type {
  AnyFunction,
  Constructor,
  EventName,
  HandlerSpec,
  TimerSpec,
} from '@shoal/core/internal/definition';
import { ClassMetadata } from './metadata.js';
import type { Decorated } from './method-decorator.js';

type EventDetails = Pick<HandlerSpec, 'listener' | 'command' | 'name' | 'input' | 'output'>;

export type Registration =
  | ({ readonly kind: 'event'; readonly event: EventName; readonly method: string } & EventDetails)
  | (TimerSubscription & { readonly method: string });

/** A `Registration` before the method it decorates is known. */
export type Subscription =
  ({ readonly kind: 'event'; readonly event: EventName } & EventDetails) | TimerSubscription;

type TimerSubscription = { readonly kind: 'timer' } & Pick<TimerSpec, 'interval' | 'once' | 'on'>;

const registrations = new ClassMetadata<readonly Registration[]>('registrations');

/** Records that the decorated method wants `subscription`; `decorator` is its name, for messages. */
export function subscribe(decorator: string, decorated: Decorated, subscription: Subscription): void {
  const { type, method } = checkMethod(decorator, decorated);
  // Decorators of one method are applied from the last to the first; the front
  // of the method's own group restores the order in which they were written.
  const before = registrations.own(type) ?? [];
  const first = before.findIndex((registration) => registration.method === method);
  const at = first === -1 ? before.length : first;
  registrations.set(type, [...before.slice(0, at), { ...subscription, method }, ...before.slice(at)]);
}

/**
 * Every registration of a class: those of its bases first, each class in the
 * order in which it declares its methods.
 *
 * A method that overrides one of a base keeps the base's registrations if it
 * carries no decorator itself; if it carries any, its own replace them.
 */
export function registrationsOf(type: Constructor): readonly Registration[] {
  const own = registrations.own(type) ?? none;
  const base: unknown = Object.getPrototypeOf(type);
  const inherited =
    typeof base === 'function' && base !== Function.prototype ? registrationsOf(base as Constructor) : none;
  let union = unions.get(type);
  if (union?.own !== own || union.inherited !== inherited) {
    union = { own, inherited, all: join(inherited, own) };
    unions.set(type, union);
  }
  return union.all;
}

const none: readonly Registration[] = [];

/** What was joined before, and of what; every process of a simulation asks for it several times. */
const unions = new WeakMap<Constructor, Union>();

interface Union {
  readonly own: readonly Registration[];
  readonly inherited: readonly Registration[];
  readonly all: readonly Registration[];
}

function join(inherited: readonly Registration[], own: readonly Registration[]): readonly Registration[] {
  if (own.length === 0) return inherited;
  const byMethod = new Map<string, readonly Registration[]>();
  for (const list of [inherited, own]) {
    for (const method of new Set(list.map((registration) => registration.method))) {
      byMethod.set(
        method,
        list.filter((registration) => registration.method === method),
      );
    }
  }
  return [...byMethod.values()].flat();
}

function checkMethod(
  decorator: string,
  [target, method, descriptor]: Decorated,
): { type: Constructor; method: string } {
  if (typeof method === 'object' && method !== null && 'kind' in method) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${decorator} was applied as a standard decorator. Shoal uses the decorators that emit types: ` +
        'set "experimentalDecorators" and "emitDecoratorMetadata" in tsconfig.json and compile with tsc.',
    );
  }
  const isStatic = typeof target === 'function';
  const type = (isStatic ? target : target.constructor) as Constructor;
  const label = `${type.name}.${String(method)}`;
  if (isStatic) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${decorator} is on the static method ${label}. Events are handled by instances, which the container ` +
        'builds: remove `static`.',
    );
  }
  const run = (descriptor as PropertyDescriptor | undefined)?.value as AnyFunction | undefined;
  if (typeof run !== 'function') {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${decorator} is on ${label}, which is not a method. A property that holds a function or a getter does ` +
        'not exist before an instance does: write a method.',
    );
  }
  if (typeof method !== 'string') {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${decorator} is on the method ${label}, which is named by a symbol. Logs and errors call a handler by ` +
        'its name: give it one.',
    );
  }
  if (Object.prototype.toString.call(run).endsWith('GeneratorFunction]')) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${decorator} is on the generator ${label}. Calling a generator runs none of its body: write a plain or ` +
        'an async method.',
    );
  }
  return { type, method };
}
