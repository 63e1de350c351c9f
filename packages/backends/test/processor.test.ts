import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { coreCount, memoryBytes } from "../src/processor.js";

const GiB = 2 ** 30;

/** A machine with 16 threads and 64 GiB, whatever this one has. */
vi.mock("node:os", async (original) => ({
  ...(await original<typeof import("node:os")>()),
  availableParallelism: () => 16,
  totalmem: () => 64 * GiB,
}));

beforeEach(() => {
  vi.spyOn(process, "constrainedMemory").mockReturnValue(0);
});

/** A folder that stands for /, with files in it. */
async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "amulet-root-"));
  onTestFinished(() => rm(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), `${text}\n`);
  }
  return root;
}

const groups = "sys/fs/cgroup";
const own = "proc/self/cgroup";
const nested = "0::/system.slice/amulet.service";
const [slice, unit] = [`${groups}/system.slice`, `${groups}/system.slice/amulet.service`];

/** The first kind's two files. */
const quota = (folder: string, quota: string, period = "100000") => ({
  [`${groups}/${folder}/cpu.cfs_quota_us`]: quota,
  [`${groups}/${folder}/cpu.cfs_period_us`]: period,
});

describe("cores", () => {
  test.each<[string, number, Record<string, string>]>([
    ["no file at all", 16, {}],
    ["a container's quota", 3, { [own]: "0::/", [`${groups}/cpu.max`]: "300000 100000" }],
    ["a quota without /proc", 3, { [`${groups}/cpu.max`]: "300000 100000" }],
    ["a part of a core, which is one more", 3, { [`${groups}/cpu.max`]: "210000 100000" }],
    ["less than a core", 1, { [`${groups}/cpu.max`]: "20000 100000" }],
    ["more than there is", 16, { [`${groups}/cpu.max`]: "9900000 100000" }],
    ["max", 16, { [own]: nested, [`${unit}/cpu.max`]: "max 100000", [`${slice}/cpu.max`]: "max 100000" }],
    ["a nested group's quota", 2, { [own]: nested, [`${unit}/cpu.max`]: "200000 100000" }],
    [
      "a quota of the group around it",
      4,
      { [own]: nested, [`${unit}/cpu.max`]: "max 100000", [`${slice}/cpu.max`]: "400000 100000" },
    ],
    [
      "the smallest of several, inside",
      2,
      { [own]: nested, [`${unit}/cpu.max`]: "200000 100000", [`${slice}/cpu.max`]: "400000 100000" },
    ],
    [
      "the smallest of several, outside",
      1,
      { [own]: nested, [`${unit}/cpu.max`]: "200000 100000", [`${slice}/cpu.max`]: "50000 100000" },
    ],
    [
      "a quota of another group",
      16,
      { [own]: nested, [`${unit}/cpu.max`]: "max 100000", [`${groups}/user.slice/cpu.max`]: "100000 100000" },
    ],
    [
      "a path that is the host's",
      3,
      {
        [own]: "0::/docker/a1",
        [`${groups}/cpu.max`]: "300000 100000",
        [`${groups}/docker/cpu.max`]: "100000 100000",
      },
    ],
    [
      "a path that leads out",
      16,
      { [own]: "0::/../other", [`${groups}/x`]: "", "sys/fs/other/cpu.max": "100000 100000" },
    ],
    ["the first kind", 3, { [own]: "1:cpu:/\n0::/", ...quota("cpu", "300000") }],
    ["the first kind, without a limit", 16, { [own]: "1:cpu:/", ...quota("cpu", "-1") }],
    [
      "the first kind, nested",
      2,
      { [own]: "3:cpu,cpuacct:/a/b\n0::/c", ...quota("cpu/a/b", "100000", "50000"), ...quota("cpu/a", "-1") },
    ],
    [
      "the first kind, around it",
      2,
      { [own]: "3:cpu,cpuacct:/a/b", ...quota("cpu/a/b", "-1"), ...quota("cpu/a", "200000") },
    ],
    [
      "the first kind, with its long name alone",
      2,
      { [own]: "3:cpu,cpuacct:/a", ...quota("cpu,cpuacct/a", "200000") },
    ],
    [
      "another controller's path",
      16,
      { [own]: "2:cpuset:/a\n3:cpu:/", ...quota("cpu/a", "100000"), ...quota("cpu", "-1") },
    ],
    [
      "garbage",
      16,
      { [own]: "garbage\n0::", [`${groups}/cpu.max`]: "some 100000", ...quota("cpu", "half", "0x10") },
    ],
    ["an empty file", 16, { [own]: "", [`${groups}/cpu.max`]: "" }],
    ["zeros", 16, { [`${groups}/cpu.max`]: "100000 0", ...quota("cpu", "0", "0") }],
    ["no period", 16, { [`${groups}/cpu/cpu.cfs_quota_us`]: "100000" }],
  ])("%s: %i", async (_, cores, files) => {
    expect(await coreCount(await folderWith(files))).toBe(cores);
  });

  test.each([
    ["0,8", "max 100000", 8],
    ["0-1", "300000 100000", 3],
    ["0", "max 100000", 16],
  ])("threads of core 0 are %s, quota %s: %i", async (siblings, max, cores) => {
    const root = await folderWith({
      "sys/devices/system/cpu/cpu0/topology/thread_siblings_list": siblings,
      [`${groups}/cpu.max`]: max,
    });
    expect(await coreCount(root)).toBe(cores);
  });
});

describe("memory", () => {
  const memory = (folder: string, bytes: string) => ({
    [`${groups}/${folder}/memory.limit_in_bytes`]: bytes,
  });

  test.each<[string, number, Record<string, string>]>([
    ["no file at all", 64, {}],
    ["a container's limit", 2, { [own]: "0::/", [`${groups}/memory.max`]: String(2 * GiB) }],
    ["max", 64, { [own]: nested, [`${unit}/memory.max`]: "max" }],
    ["a nested group's limit", 2, { [own]: nested, [`${unit}/memory.max`]: String(2 * GiB) }],
    [
      "a limit of the group around it",
      4,
      { [own]: nested, [`${unit}/memory.max`]: "max", [`${slice}/memory.max`]: String(4 * GiB) },
    ],
    ["the first kind", 3, { [own]: "4:memory:/", ...memory("memory", String(3 * GiB)) }],
    [
      "the first kind, around it",
      3,
      {
        [own]: "4:memory:/a/b",
        ...memory("memory/a/b", "9223372036854771712"),
        ...memory("memory/a", String(3 * GiB)),
      },
    ],
    ["garbage", 64, { [`${groups}/memory.max`]: "much", ...memory("memory", "-1") }],
  ])("%s: %i GiB", async (_, gibibytes, files) => {
    expect(await memoryBytes(await folderWith(files))).toBe(gibibytes * GiB);
  });

  test("what Node says of its own group counts too", async () => {
    vi.mocked(process.constrainedMemory).mockReturnValue(5 * GiB);
    expect(await memoryBytes(await folderWith({}))).toBe(5 * GiB);
    vi.mocked(process.constrainedMemory).mockReturnValue(2 ** 63);
    expect(await memoryBytes(await folderWith({}))).toBe(64 * GiB);
  });
});
