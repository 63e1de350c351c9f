/** What the system says of its processor and memory; in a browser it says little. */

/** The processor as it names itself. */
export async function processorName(): Promise<string> {
  if (!runsOnNode()) return "this browser's processor";
  const { cpus } = await import("node:os");
  return cpus()[0]?.model.trim() || "unnamed processor";
}

/** Threads that this process may run at once. */
export async function threadCount(): Promise<number> {
  const { availableParallelism } = await import("node:os");
  return availableParallelism();
}

/** Bytes of RAM that this process may take; a container's limit counts. */
export async function memoryBytes(): Promise<number> {
  const { totalmem } = await import("node:os");
  // 0, or more than there is, where no limit is set.
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

export function runsOnNode(): boolean {
  return typeof process === "object" && typeof process.versions?.node === "string";
}
