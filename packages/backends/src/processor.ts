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

/** Cores that this process may keep busy at once: of those that run two threads each counts once, and a container's share counts. */
export async function coreCount(): Promise<number> {
  if (!runsOnNode())
    return (
      (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ?? 1
    );
  const { readFile } = await import("node:fs/promises");
  const read = (path: string) => readFile(path, "utf8").catch(() => "");
  const threads = await threadCount();
  const siblings = await read("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list");
  const perCore = /[,-]/.test(siblings) ? 2 : 1;
  const [quota, period] = (await read("/sys/fs/cgroup/cpu.max")).split(" ").map(Number);
  const share = quota! > 0 && period! > 0 ? Math.ceil(quota! / period!) : threads;
  return Math.max(1, Math.min(Math.ceil(threads / perCore), share));
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
