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

/**
 * Cores that this process may keep busy at once: of those that run two threads each counts once, and the share of a
 * container or of another control group counts.
 *
 * @param root the folder that stands for /
 */
export async function coreCount(root = "/"): Promise<number> {
  if (!runsOnNode())
    return (
      (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ?? 1
    );
  const { readFile } = await import("node:fs/promises");
  const { join } = await import("node:path");
  const { processorsOfGroup } = await import("./cgroups.js");
  const list = join(root, "sys/devices/system/cpu/cpu0/topology/thread_siblings_list");
  const siblings = await readFile(list, "utf8").catch(() => "");
  const perCore = /[,-]/.test(siblings) ? 2 : 1;
  const cores = Math.ceil((await threadCount()) / perCore);
  return Math.max(1, Math.min(cores, Math.ceil(await processorsOfGroup(root))));
}

/**
 * Bytes of RAM that this process may take; the limit of a container or of another control group counts.
 *
 * @param root the folder that stands for /
 */
export async function memoryBytes(root = "/"): Promise<number> {
  const { totalmem } = await import("node:os");
  const { memoryOfGroup } = await import("./cgroups.js");
  // Of its own group alone; 0, or more than there is, where no limit is set.
  const limit = process.constrainedMemory?.() || Number.POSITIVE_INFINITY;
  return Math.min(totalmem(), limit, await memoryOfGroup(root));
}

export function runsOnNode(): boolean {
  return typeof process === "object" && typeof process.versions?.node === "string";
}
