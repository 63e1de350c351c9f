/**
 * The order of events when libtensorflow is set up, with stand-ins for npm and Python: what is there stays until the new
 * one is whole and right. The real programs run in test/extra.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { setUpLibtensorflow, undoLibtensorflow } from "../src/index.js";
import { libraryFolder, libraryRoot } from "../src/libtensorflow/folder.js";
import { makeWorkFolders, marker, moveInPlace } from "../src/libtensorflow/own-folders.js";
import { runTool } from "../src/libtensorflow/run-tool.js";

const hasPython = spawnSync("python3", ["--version"]).status === 0;

let home: string;
let wheel: string;

/** A program of that name, first on the path. */
async function provide(name: string, script: string): Promise<void> {
  const path = join(home, "bin", name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

const binding = "node_modules/@tensorflow/tfjs-node";

/** Writes a package that multiplies as it is told; the second call, to node-gyp, builds nothing. */
const npm = (product: string) => `
  case "$1" in install)
    mkdir -p ${binding}
    echo '{"main": "index.js"}' > ${binding}/package.json
    echo 'exports.tensor2d = () => 0;
      exports.matMul = () => ({ dataSync: () => [${product}] });
      exports.backend = () => ({ binding: { TF_Version: "9.9" }, isUsingGpuDevice: false });' > ${binding}/index.js
  esac`;

/** "python3 -c SCRIPT WHEEL FOLDER" unpacks, where the script does not ask what the wheel is. */
const python = `case "$2" in *is_zipfile*) echo '{"isZip":true,"hasLibrary":true,"asksForCuda":true}'; exit; esac
  mkdir -p "$4/lib" "$4/include"; echo library > "$4/lib/libtensorflow_cc.so.2"`;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "amulet-setup-"));
  wheel = join(home, "some.whl");
  await mkdir(join(home, "bin"));
  await writeFile(wheel, "");
  await provide("npm", npm("19, 22, 43, 50"));
  await provide("python3", python);
  vi.stubEnv("AMULET_LIBTENSORFLOW", join(home, "libtensorflow"));
  vi.stubEnv("PATH", [join(home, "bin"), process.env.PATH].join(delimiter));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true });
});

const setUp = () => setUpLibtensorflow({ kind: "cpu", wheel });
const isWhole = () => existsSync(join(libraryFolder("cpu"), binding, "deps/lib/libtensorflow_cc.so.2"));

describe.skipIf(process.platform !== "linux")("setting up libtensorflow (Linux)", () => {
  test("it ends in the kind's folder, checked, without headers, and can be taken away", async () => {
    const titles: string[] = [];
    const result = await setUpLibtensorflow({
      kind: "cpu",
      wheel,
      onStep: ({ title }) => titles.push(title),
    });
    expect(result).toEqual({ folder: libraryFolder("cpu"), version: "9.9", usesGpu: false });
    expect(titles).toHaveLength(5);
    expect(isWhole()).toBe(true);
    expect(existsSync(join(libraryFolder("cpu"), binding, "deps/include"))).toBe(false);
    expect(await undoLibtensorflow("cpu")).toBe(true);
    expect(existsSync(libraryFolder("cpu"))).toBe(false);
    expect(await undoLibtensorflow("cpu")).toBe(false);
  });

  test("a library that multiplies wrongly is not put in place, and the old one stays", async () => {
    await setUp();
    await provide("npm", npm("19, 22, 43, 51"));
    await expect(setUp()).rejects.toMatchObject({
      code: "failed-setup",
      message: expect.stringContaining("51"),
    });
    expect(isWhole()).toBe(true);
    expect((await readdir(libraryRoot())).sort()).toEqual(["cpu", "downloads-cpu"]);
  });

  test.each(["npm", "python3"])(
    "where %s fails, its last words are told and the old one stays",
    async (name) => {
      await setUp();
      await provide(name, "echo one; echo two >&2; exit 3");
      await expect(setUp()).rejects.toMatchObject({
        code: "failed-setup",
        message: expect.stringMatching(/status 3: .*two/),
      });
      expect(isWhole()).toBe(true);
    },
  );

  test("an interrupted one leaves the old one, and the next one starts clean", async () => {
    await setUp();
    const interrupt = new AbortController();
    const onStep = ({ number }: { number: number }) => number === 4 && interrupt.abort();
    await expect(
      setUpLibtensorflow({ kind: "cpu", wheel, onStep, signal: interrupt.signal }),
    ).rejects.toMatchObject({ name: "AbortError" });
    expect(isWhole()).toBe(true);
    expect((await setUp()).version).toBe("9.9");
  });

  test("whatever the root holds of the user's own stays, and is named", async () => {
    for (const name of ["cpu", "building/cpu", "downloads", "building-cpu-thesis"]) {
      await mkdir(join(libraryRoot(), name), { recursive: true });
      await writeFile(join(libraryRoot(), name, "thesis.txt"), "mine");
    }
    const refused = {
      code: "failed-setup",
      message: expect.stringContaining(`${libraryFolder("cpu")} was not made by`),
    };
    await expect(setUp()).rejects.toMatchObject(refused);
    await expect(undoLibtensorflow("cpu")).rejects.toMatchObject(refused);
    await rename(libraryFolder("cpu"), join(libraryRoot(), "moved"));
    await setUp();
    expect(await undoLibtensorflow("cpu")).toBe(true);
    for (const name of ["moved", "building/cpu", "downloads", "building-cpu-thesis"])
      expect(existsSync(join(libraryRoot(), name, "thesis.txt"))).toBe(true);
  });

  test("a set-up that failed leaves its downloads alone, and they can be taken away", async () => {
    await provide("npm", "exit 1");
    await expect(setUp()).rejects.toMatchObject({ code: "failed-setup" });
    expect(await readdir(libraryRoot())).toEqual(["downloads-cpu"]);
    expect(await undoLibtensorflow("cpu")).toBe(true);
    expect(await readdir(libraryRoot())).toEqual([]);
    expect(await undoLibtensorflow("cpu")).toBe(false);
  });

  test("two at once: the second is told so, and the first ends well", async () => {
    let second: Promise<unknown> | undefined;
    const onStep = () => {
      second ??= setUp().catch((error: Error) => error.message);
    };
    expect((await setUpLibtensorflow({ kind: "cpu", wheel, onStep })).version).toBe("9.9");
    expect(await second).toContain("Another set-up of libtensorflow is under way");
    expect(isWhole()).toBe(true);
  });

  test("what a killed one has left is cleared away by the next", async () => {
    const left = join(libraryRoot(), "building-cpu-killed");
    await mkdir(left, { recursive: true });
    await writeFile(join(left, marker), "");
    // Above the largest process id of Linux, so nobody's.
    await writeFile(join(libraryRoot(), ".amulet-cpu.lock"), String(2 ** 22 + 1));
    await setUp();
    expect(await readdir(libraryRoot())).toEqual(["cpu"]);
  });

  test("the old one comes back where the new one can't be put in its place", async () => {
    await setUp();
    const { building } = await makeWorkFolders("cpu");
    await rm(building, { recursive: true });
    await expect(moveInPlace(building, "cpu")).rejects.toMatchObject({ code: "ENOENT" });
    expect(isWhole()).toBe(true);
  });

  test.skipIf(!hasPython).each([
    ["no archive", "is no wheel (a zip", "cpu", "open(sys.argv[1], 'w').write('hello')"],
    ["another wheel", "holds no tensorflow/libtensorflow_cc.so.2", "cpu", "add('numpy/core.py')"],
    ["one without CUDA", "asks for no libraries of CUDA", "gpu", "add('tensorflow/libtensorflow_cc.so.2')"],
  ] as const)(
    "%s as the wheel is refused in a sentence before anything is fetched (needs python3)",
    async (_, why, kind, body) => {
      await rm(join(home, "bin", "python3"));
      await provide("npm", "echo npm was asked; exit 1");
      const add = "add = lambda name: zipfile.ZipFile(sys.argv[1], 'w').writestr(name, 'x')";
      execFileSync("python3", ["-c", `import sys, zipfile\n${add}\n${body}`, wheel]);
      await expect(setUpLibtensorflow({ kind, wheel })).rejects.toMatchObject({
        code: "failed-setup",
        message: expect.stringContaining(why),
      });
    },
  );

  test("a wheel that is not there is named before anything is fetched", async () => {
    await provide("npm", "exit 1");
    await expect(setUpLibtensorflow({ kind: "cpu", wheel: "nowhere.whl" })).rejects.toMatchObject({
      code: "failed-setup",
      message: expect.stringContaining("nowhere.whl"),
    });
  });
});

test("a program that is not installed is named, with where to get it", async () => {
  await expect(runTool("no-such-program", [], { folder: home }, "Get it there.")).rejects.toMatchObject({
    code: "failed-setup",
    message: "There is no no-such-program here. Get it there.",
  });
});

test("the folder: what AMULET_LIBTENSORFLOW names, else the cache", () => {
  expect(libraryFolder("gpu", { AMULET_LIBTENSORFLOW: "/srv/tf" })).toBe(join("/srv/tf", "gpu"));
  expect(libraryFolder("cpu", { XDG_CACHE_HOME: "/cache" })).toBe(
    join("/cache", "amulet", "libtensorflow", "cpu"),
  );
  expect(libraryRoot({})).toMatch(/[\\/]\.cache[\\/]amulet[\\/]libtensorflow$/);
});
