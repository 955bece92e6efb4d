/** Where processes of one server find in its runtime directory what others have put there. */

/** The file in which a blocked worker leaves the stack of its event loop. */
export function blockedStackPath(runtimeDirectory: string, pid: number): string {
  return `${runtimeDirectory}/${pid}.stack`;
}

/** process mode: where that reactor takes pipes. */
export function reactorPath(runtimeDirectory: string, index: number): string {
  return `${runtimeDirectory}/r${index}.sock`;
}
