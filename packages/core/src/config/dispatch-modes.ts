/** The words of `dispatchMode`, each with the number of the reference. */
export const dispatchModes = {
  fixed: [2],
  roundRobin: [1],
  preemptive: [3],
  ipHash: [4],
  leastConnections: [8],
  leastInFlight: [9],
} as const;

/** Those that later versions have. */
export const laterDispatchModes = { uid: [5] } as const;

/** Choose a worker for each packet. */
const packetModes: readonly string[] = ['roundRobin', 'preemptive', 'leastInFlight'];

/**
 * Whether one worker gets all events of a connection, in order. Without it a
 * worker is chosen for each packet. In base mode the owner of the socket always
 * serves it.
 */
export function isSticky(settings: { readonly mode: string; readonly dispatchMode: string }): boolean {
  return settings.mode === 'base' || !packetModes.includes(settings.dispatchMode);
}
