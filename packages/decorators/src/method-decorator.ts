import type { AnyFunction } from '@shoal/core/internal/definition';

/** Marks one method. It may declare fewer parameters than its event has. */
export type MethodMarker<Event extends AnyFunction> = <Method extends Event>(
  target: object,
  method: string,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

/** What a decorator of a method really gets; a property has no descriptor. */
export type Decorated = readonly [target: object, method: unknown, descriptor?: unknown];

/** A bare decorator gets the target and the name of its method; a called one gets at most its options. */
export function isDecorated(args: readonly unknown[]): args is Decorated {
  return args.length >= 2;
}
