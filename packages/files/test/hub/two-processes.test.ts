import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  checkpointFiles,
  hashAll,
  hashesOf,
  repositoryId,
  useHub,
  wantedFiles,
} from "@amulet-ts/testing/hub/hub-fixture";
import { sha256 } from "@amulet-ts/testing/hub/hub-server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { acquireLock } from "../../src/hub/cache/file-lock.js";
import { resolveModel } from "../../src/hub/index.js";

const hub = useHub();
const sources = fileURLToPath(new URL("../../src", import.meta.url));
const weights = checkpointFiles["model.safetensors"]!;
const lock = `${sha256(weights)}.amulet.lock`;
const locks = () => join(hub.cache, ".locks/models--acme--tiny");

/** The hub client compiled, so that a plain Node process can run it. */
let compiled = "";

beforeAll(async () => {
  compiled = await mkdtemp(join(tmpdir(), "hub-compiled-"));
  await symlink(join(sources, "../../../node_modules"), join(compiled, "node_modules"), "junction");
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "lib/tsc.js");
  const project = {
    extends: join(sources, "../../../tsconfig.json"),
    compilerOptions: { rootDir: sources, outDir: compiled, declaration: false, declarationMap: false },
    files: [join(sources, "hub/index.ts")],
  };
  await writeFile(join(compiled, "tsconfig.json"), JSON.stringify(project));
  await writeFile(join(compiled, "package.json"), '{"type":"module"}');
  await writeFile(join(compiled, "pull.js"), pullScript);
  const typeRoots = join(sources, "../../../node_modules/@types");
  await promisify(execFile)(process.execPath, [tsc, "-p", compiled, "--typeRoots", typeRoots]);
});

afterAll(() => rm(compiled, { recursive: true, force: true }));

const pullScript = `
import { resolveModel } from "./hub/index.js";
const [endpoint, cacheFolder] = process.argv.slice(2);
const { path, fetchedBytes } = await resolveModel("${repositoryId}", { endpoint, cacheFolder, environment: { HF_HOME: cacheFolder } });
console.log(JSON.stringify({ path, fetchedBytes }));
`;

function pull(): ChildProcess {
  return spawn(process.execPath, [join(compiled, "pull.js"), hub.server.endpoint, hub.cache], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function outcome(child: ChildProcess): Promise<{ path: string; fetchedBytes: number }> {
  return JSON.parse(await text(child.stdout!)) as { path: string; fetchedBytes: number };
}

describe("several processes on one cache", () => {
  it("fetch each content once between them, and all have it whole", async () => {
    const results = await Promise.all([1, 2, 3].map(async () => outcome(pull())));
    for (const { path } of results)
      expect(await hashAll(path, wantedFiles)).toEqual(hashesOf(checkpointFiles, wantedFiles));
    const total = wantedFiles.reduce((sum, name) => sum + checkpointFiles[name]!.length, 0);
    expect(results.reduce((sum, { fetchedBytes }) => sum + fetchedBytes, 0)).toBe(total);
    expect(hub.server.downloads("content", "").length).toBe(1);
    expect(await readdir(locks())).toEqual([]);
  });

  it("also within one process", async () => {
    await Promise.all([1, 2, 3].map(() => resolveModel(repositoryId, hub.options())));
    expect(hub.server.downloads("content", "").length).toBe(1);
  });

  it("recover from one that was killed: its lock falls, its beginning is continued", async () => {
    let silent = true;
    hub.server.fault = ({ host }) => (host === "content" && silent ? { silentAfter: 100_000 } : undefined);
    const child = pull();
    const partial = hub.inCache("blobs", `${sha256(weights)}.amulet.incomplete`);
    await until(
      async () => (await readFile(partial)).length === 100_000 && (await readdir(locks())).length === 1,
    );
    child.kill("SIGKILL");
    await new Promise((done) => child.once("exit", done));
    expect(await readdir(locks())).toContain(lock);
    silent = false;
    const { path } = await resolveModel(repositoryId, hub.options());
    expect(hub.server.downloads("content", "").at(-1)!.headers.range).toBe("bytes=100000-");
    expect(await hashAll(path, wantedFiles)).toEqual(hashesOf(checkpointFiles, wantedFiles));
    expect(await readdir(locks())).toEqual([]);
  });
});

describe("a lock", () => {
  const path = () => join(locks(), lock);
  const leave = async (content: string, ageSeconds = 0) => {
    await mkdir(locks(), { recursive: true });
    await writeFile(path(), content);
    const touched = new Date(Date.now() - ageSeconds * 1000);
    await utimes(path(), touched, touched);
  };
  const patience = () => ({ signal: AbortSignal.timeout(300), pollMilliseconds: 10 });

  it.each([
    ["another process that lives", () => `${process.ppid} ${hostname()}`],
    ["another machine", () => "1 elsewhere"],
    ["one that has not written its name yet", () => ""],
  ])("of %s is waited for, and taken when it is gone", async (_holder, content) => {
    await leave(content());
    await expect(acquireLock(path(), patience())).rejects.toThrow(/abort/i);
    const waiting = acquireLock(path(), { pollMilliseconds: 10 });
    await rm(path());
    await (await waiting).release();
    expect(await readdir(locks())).toEqual([]);
  });

  it("that nobody has touched for a minute is taken over", async () => {
    await leave(`${process.ppid} ${hostname()}`, 61);
    await (await acquireLock(path(), patience())).release();
    await leave("1 elsewhere", 61);
    await (await acquireLock(path(), patience())).release();
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds().catch(() => false))) await new Promise((done) => setTimeout(done, 20));
}
