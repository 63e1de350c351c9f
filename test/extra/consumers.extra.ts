/**
 * The packages as somebody has them who installed them: packed, in a project of its own, under strict TypeScript, in
 * programs of both kinds on the oldest Node and newer ones, bundled by Vite for a page.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumFlags, chromiumPath } from "../browser/chromium.js";
import { serve, wasmFolder } from "../browser/serve.js";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const project = fileURLToPath(new URL("../consumers/project", import.meta.url));

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly engines: { readonly node: string };
  readonly exports: Readonly<Record<string, unknown>>;
}

const manifests = readdirSync(join(root, "packages"))
  .map(
    (folder) => JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8")) as Manifest,
  )
  .filter((manifest) => !manifest.private);
const floor = manifests[0]!.engines.node.replace(">=", "");
const oldest = floor.split(".").length === 2 ? `${floor}.0` : floor;
/** The Node of these tests, the oldest that the packages name, and the one that is supported longest now. */
const nodes = ["here", oldest, "24"];

/** What a consumer brings: in the versions that the repository has, so that nothing here moves by itself. */
const versionOf = (name: string) =>
  (JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")) as Manifest).version;
const tools = { typescript: "5.9.3", "@arethetypeswrong/cli": "0.18.5" };
const others = ["@tensorflow/tfjs-core", "@types/node", "vite"];

interface Packed {
  readonly filename: string;
  readonly name: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

const answer = "You are going to do so well with tea! Take heart, because green tea needs";

const canReach = await run("npm", ["view", `node@${oldest}`, "version"], { timeout: 60_000 }).then(
  () => true,
  () => false,
);
if (!canReach) console.warn("Skipped: the packages in a project of their own need the npm registry.");

describe.skipIf(!canReach)("the packed packages (needs the npm registry)", () => {
  let folder = "";
  let packed: readonly Packed[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "amulet-consumer-"));
    packed = await pack(folder);
    await cp(project, folder, { recursive: true });
    await install(folder, packed);
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("a tarball has its licence and README, maps with their sources, and nothing that its sources lack", async () => {
    for (const { name, files, size, unpackedSize } of packed) {
      const paths = files.map(({ path }) => path);
      console.log(
        `${name}: ${kilobytes(size)} packed, ${kilobytes(unpackedSize)} unpacked, ${paths.length} files`,
      );
      const home = join(folder, "node_modules", name);
      expect(paths, name).toEqual(expect.arrayContaining(["LICENSE", "README.md", "package.json"]));
      expect(await readFile(join(home, "LICENSE"), "utf8")).toBe(
        await readFile(join(root, "LICENSE"), "utf8"),
      );
      for (const path of paths.filter((one) => one.endsWith(".map"))) await checkMap(home, path);
      expect(paths.filter((path) => isCode(path) && !/^(dist|bin|generated)\//.test(path))).toEqual([]);
      // What is bundled for a page has no source of its own.
      const built = paths.filter((path) => /^dist\/(?!page\/).*\.js$/.test(path));
      const stale = built.filter((path) => isStale(name, path));
      expect(stale, `${name}: take dist away and build it again`).toEqual([]);
    }
  });

  test.each([
    ["nodenext", { module: "nodenext", moduleResolution: "nodenext", types: ["node"] }, "in-node.ts"],
    ["bundler", { module: "esnext", moduleResolution: "bundler", types: ["node"] }, "in-node.ts"],
    [
      "bundler, for pages",
      { module: "esnext", moduleResolution: "bundler", types: [], lib: pageLibraries },
      "in-page.ts",
    ],
  ])("strict TypeScript reads every declaration: %s", async (_, options, file) => {
    const compilerOptions = { ...strict, ...options };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
    for (const compiler of [join(folder, "node_modules/typescript"), join(root, "node_modules/typescript")])
      expect(await complaintsOf(compiler, folder)).toEqual([]);
  });

  const onNode = (version: string, ...args: string[]) =>
    version === "here"
      ? run(process.execPath, args, { cwd: folder })
      : run("npx", ["-y", "-p", `node@${version}`, "--", "node", ...args], { cwd: folder });

  test.each(nodes)("on Node %s every entry loads, and programs and the command answer", async (version) => {
    const { stdout: running } = await onNode(version, "--version");
    console.log(`Node ${running.trim()}`);
    if (version !== "here")
      expect(running.trim().slice(1)).toMatch(new RegExp(`^${version.replaceAll(".", "\\.")}`));
    const entries = manifests.flatMap(({ name, exports }) =>
      Object.keys(exports).map((entry) => name + entry.slice(1)),
    );
    const loadable = entries.filter((entry) => entry !== "@amulet-ts/web/worker");
    const { stdout: loaded } = await onNode(version, "entries.mjs", ...loadable);
    expect(loaded.trim().split("\n")).toHaveLength(loadable.length);
    for (const program of ["answer.mjs", "answer.cjs", "worker.mjs"])
      expect((await onNode(version, program)).stdout, program).toBe(answer);
    const command = "node_modules/@amulet-ts/cli/bin/amulet.js";
    const asked = ["How do I make a cup of tea?", "--preference", "Your answer should be uplifting."];
    const { stdout } = await onNode(
      version,
      command,
      "generate",
      ...asked,
      "--max-new-tokens",
      "17",
      "--json",
    );
    expect(JSON.parse(stdout)).toMatchObject({ text: answer, backend: "wasm" });
    const judged = await onNode(version, command, "verify", "--law", "step-stationary");
    expect(judged.stdout).toContain("Every law that was tried holds on cpu and wasm");
  });

  test.skipIf(!chromiumPath)("Vite builds a page with a worker that answers (needs Chromium)", async () => {
    const page = join(folder, "page");
    const embedded = join(folder, "node_modules/@amulet-ts/embedded-model/model");
    await mkdir(join(page, "public"));
    await cp(embedded, join(page, "public/model"), { recursive: true });
    await cp(wasmFolder, join(page, "public/wasm"), {
      recursive: true,
      filter: (path) => !/\.(js|map|ts)$/.test(path),
    });
    const { stderr } = await run(process.execPath, [
      join(folder, "node_modules/vite/bin/vite.js"),
      "build",
      page,
    ]);
    expect(stderr).toBe("");
    const sizes = readdirSync(join(page, "dist/assets")).map((name) => join(page, "dist/assets", name));
    for (const path of sizes) console.log(path.slice(page.length), kilobytes(readFileSync(path).length));
    const server = await serve([["", join(page, "dist")]]);
    const browser = await chromium.launch({ executablePath: chromiumPath!, args: chromiumFlags });
    try {
      const tab = await browser.newPage();
      await tab.goto(`${server.origin}/index.html`);
      await tab.waitForFunction("document.title === 'done'");
      expect((await tab.textContent("body"))!.trim()).toBe(answer);
    } finally {
      await browser.close();
      server.close();
    }
  });

  test("arethetypeswrong and publint have nothing to say", async () => {
    for (const { filename, name } of packed) {
      const tarball = join(folder, filename);
      const attw = join(folder, "node_modules/.bin/attw");
      await run(attw, [tarball, "--profile", "esm-only"]).catch(({ stdout }: { stdout: string }) => {
        throw new Error(`arethetypeswrong on ${name}:\n${stdout}`);
      });
      const publint = join(root, "node_modules/.bin/publint");
      await run(publint, ["--strict", join(folder, "node_modules", name), "--pack", "false"]);
    }
  });
});

const strict = {
  target: "es2022",
  lib: ["es2022", "esnext.disposable"],
  strict: true,
  noEmit: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
};
const pageLibraries = ["es2022", "dom", "dom.iterable", "dom.asynciterable"];

async function pack(into: string): Promise<readonly Packed[]> {
  const workspaces = manifests.flatMap(({ name }) => ["--workspace", name]);
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", into, ...workspaces], {
    cwd: root,
    maxBuffer: 1 << 26,
  });
  // By name in newer versions of npm, a list in older ones.
  return Object.values(JSON.parse(stdout) as Record<string, Packed>);
}

async function install(folder: string, packed: readonly Packed[]): Promise<void> {
  const ours = packed.map(({ name, filename }) => [name, `file:${filename}`]);
  const theirs = others.map((name) => [name, versionOf(name)]);
  const dependencies = { ...Object.fromEntries([...ours, ...theirs]), ...tools };
  const manifest = { name: "consumer", private: true, type: "module", dependencies };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  await run("npm", ["install", "--no-fund", "--no-audit", "--prefer-offline", "--loglevel=error"], {
    cwd: folder,
  });
}

const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed()} kB`;
const isCode = (path: string) => /\.(js|ts|mjs)$/.test(path);

/** A debugger finds the sources in the map, as the tarball does not have them. */
async function checkMap(home: string, path: string): Promise<void> {
  const { sources, sourcesContent } = JSON.parse(await readFile(join(home, path), "utf8")) as {
    sources: string[];
    sourcesContent?: (string | null)[];
  };
  expect(sourcesContent?.filter(Boolean), `${home}/${path}`).toHaveLength(sources.length);
}

/** Left in dist by an earlier build. */
function isStale(name: string, path: string): boolean {
  const source = path.replace(/^dist\//, "src/").replace(/\.js$/, ".ts");
  return !existsSync(join(root, "packages", name.replace("@amulet-ts/", ""), source));
}

/** What a compiler says of our declarations and the program; of other people's it may say what it likes. */
async function complaintsOf(typescript: string, folder: string): Promise<string[]> {
  const compiler = join(typescript, existsSync(join(typescript, "bin/tsc")) ? "bin/tsc" : "bin/tsc.js");
  const { stdout } = await run(process.execPath, [compiler, "-p", folder, "--pretty", "false"]).catch(
    (error: { stdout: string }) => error,
  );
  const lines = stdout.split("\n").filter((line) => /: error TS\d+/.test(line));
  return lines.filter((line) => !/node_modules\/(?!@amulet-ts\/)/.test(line));
}
