import type { RunningServer } from '@shoal/core';

/** Tells the benchmark the port of a server that it has started, and stops the server when the benchmark is gone. */
export function reportPort(running: RunningServer): void {
  const leave = (): void => void running.shutdown().then(() => process.exit(0));
  if (process.connected) {
    process.once('disconnect', leave);
    process.send?.({ port: running.listeners[0]!.port });
  } else {
    leave();
  }
}
