import type { Introduction } from '../pipe/messages.js';
import type { Uid } from '../pipe/orders.js';
import type { Arrival } from './arrival.js';

type Written = { -readonly [Key in keyof Introduction]: Introduction[Key] };

/**
 * What a worker is told of a connection. In base mode that lives as long as the
 * connection, so it is filled in by hand: an object that is spread out of others
 * has a description of its fields of its own, which is larger than it is.
 *
 * `attempt` is that of a connect.
 */
export function introductionOf(
  listener: number,
  { remote, local, tls }: Arrival,
  uid: Uid | undefined,
  attempt?: number,
): Introduction {
  const introduction: Written =
    attempt === undefined ? { listener, remote, local } : { listener, remote, local, attempt };
  if (uid !== undefined) introduction.uid = uid;
  if (tls !== undefined) introduction.tls = tls;
  return introduction;
}
