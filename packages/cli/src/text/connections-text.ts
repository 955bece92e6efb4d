import type { ClientInfo } from '@shoal/core/internal/pipe/questions';
import { endpointText } from '@shoal/core/internal/topology/endpoint-text';
import { durationText, oneLine } from './amounts.js';
import { table, type Column } from './table.js';

const columns: readonly Column[] = [
  { title: 'id', align: 'right' },
  { title: 'listener', align: 'left' },
  { title: 'client', align: 'left' },
  { title: 'worker', align: 'right' },
  { title: 'age', align: 'right' },
  { title: 'state', align: 'left' },
  { title: 'uid', align: 'left' },
  { title: 'in flight', align: 'right' },
  { title: 'bytes waiting', align: 'right' },
];

/** `now` is ms since the epoch. */
export function connectionLines(connections: readonly ClientInfo[], now: number): string[] {
  return table(
    columns,
    connections.map((each) => [
      String(each.id),
      oneLine(each.listener),
      endpointText(each.remote),
      each.workerId === null ? '-' : String(each.workerId),
      durationText(Math.max(0, now - each.connectedAt)),
      stateText(each),
      each.uid === null ? '-' : oneLine(String(each.uid)),
      String(each.outstandingPackets),
      String(each.queuedBytes),
    ]),
  );
}

function stateText({ state, paused, pinned }: ClientInfo): string {
  return [state, ...(paused ? ['paused'] : []), ...(pinned ? ['pinned'] : [])].join(', ');
}
