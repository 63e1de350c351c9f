/**
 * What Linux' control groups leave to this process, of the first kind and of the second: a container has one, and so has a
 * unit of systemd with CPUQuota or MemoryMax. What limits a group limits those inside it.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Processors' worth of time, such as 1.5; Infinity without a limit. @param root the folder that stands for / */
export function processorsOfGroup(root: string): Promise<number> {
  return leastOf(root, "cpu", async (read) =>
    Math.min(
      share(await read("cpu.max")),
      share(`${await read("cpu.cfs_quota_us")} ${await read("cpu.cfs_period_us")}`),
    ),
  );
}

/** Bytes of RAM; Infinity without a limit. @param root the folder that stands for / */
export function memoryOfGroup(root: string): Promise<number> {
  return leastOf(root, "memory", async (read) =>
    Math.min(bytes(await read("memory.max")), bytes(await read("memory.limit_in_bytes"))),
  );
}

/** The text of a group's file without the space around it; empty where there is none. */
type Read = (name: string) => Promise<string>;

type Controller = "cpu" | "memory";

async function leastOf(root: string, controller: Controller, limitOf: (read: Read) => Promise<number>) {
  const limits = (await groupsOf(root, controller)).map((group) => limitOf((name) => readText(group, name)));
  return Math.min(...(await Promise.all(limits)));
}

/** Below /sys/fs/cgroup: the second kind has one hierarchy, the first one for each controller or for two. */
const mounts = {
  cpu: ["", "cpu", "cpu,cpuacct", "cpuacct,cpu"],
  memory: ["", "memory"],
} as const;

/** The folders of this process' groups and of those around them. */
async function groupsOf(root: string, controller: Controller): Promise<readonly string[]> {
  // `0::/a/b` is of the second kind, `4:cpu,cpuacct:/a/b` of the first.
  const lines = (await readText(root, "proc/self/cgroup")).split("\n");
  const named = lines.map((line) => /^\d+:([^:]*):\/(.*)$/.exec(line) ?? []);
  return mounts[controller].flatMap((mount) => {
    const folder = join(root, "sys/fs/cgroup", mount);
    const [, , path = ""] =
      named.find(([, of]) => (mount === "" ? of === "" : of?.split(",").includes(controller))) ?? [];
    return [folder, ...groupsInside(folder, path.split("/"))];
  });
}

/** None where the path is not one of this mount: a container may see its own group as the root and be told the host's path. */
function groupsInside(folder: string, names: readonly string[]): readonly string[] {
  if (names.includes("..") || !existsSync(join(folder, ...names))) return [];
  return names.map((_, i) => join(folder, ...names.slice(0, i + 1)));
}

const readText = (...path: string[]) =>
  readFile(join(...path), "utf8").then(
    (text) => text.trim(),
    () => "",
  );

/** `150000 100000`: microseconds of each so many; `max` and -1 are no limit. */
function share(text: string): number {
  const [, quota, period] = /^(\d+) (\d+)$/.exec(text) ?? [];
  return limit(Number(quota) / Number(period));
}

const bytes = (text: string) => limit(/^\d+$/.test(text) ? Number(text) : 0);

const limit = (value: number) => (value > 0 ? value : Number.POSITIVE_INFINITY);
