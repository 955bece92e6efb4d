/** The event of datagrams, which runs in a worker. Per listener it has one handler. */
import type { Delivery, Packet } from '@shoal/core';
import { listenerEvent } from './connection-events.js';

/**
 * A datagram has come. Several may be handled at a time, in any order. A second
 * parameter, which must have neither a default nor `...`, receives how often the
 * packet was delivered and what was replied before. A method without `listener`
 * serves the listeners of datagrams that no other one names.
 */
export const OnPacket = listenerEvent<(packet: Packet, delivery: Delivery) => unknown>('packet', '@OnPacket');
