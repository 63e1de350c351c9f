/**
 * Builds TensorFlow.js' own binding, unchanged, against a current libtensorflow. tfjs-node 4.22 asks for libtensorflow
 * 2.9.1 and CUDA 11.2, which current cards don't run; the C interface has stayed the same.
 */
import { existsSync } from "node:fs";
import { rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { BackendError } from "../errors.js";
import { type LibraryKind, libraryRoot } from "./folder.js";
import { alone, makeWorkFolders, moveInPlace, removeAll, type WorkFolders } from "./own-folders.js";
import { runTool, type ToolRun } from "./run-tool.js";
import { addNvidiaLibraries, checkWheel, downloadWheel, unpackWheel } from "./wheel.js";

export interface SetupOptions {
  readonly kind: LibraryKind;
  /** A wheel that is here already; without it pip downloads one. */
  readonly wheel?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of each step before it begins. */
  readonly onStep?: ((step: SetupStep) => void) | undefined;
  /** What the programs write that do the work. */
  readonly onLine?: ((line: string) => void) | undefined;
}

export interface SetupStep {
  readonly number: number;
  readonly count: number;
  readonly title: string;
}

export interface SetupResult {
  readonly folder: string;
  /** Of libtensorflow. */
  readonly version: string;
  /** Whether it sees a card. */
  readonly usesGpu: boolean;
}

/** tfjs-node's last release, and a node-gyp that runs on Node 20. */
const [bindingVersion, nodeGypVersion] = ["4.22.0", "11"];

/** A product with a known result, and what the library says of itself. */
const checkScript = `
const util = require("node:util");
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
const tf = require("@tensorflow/tfjs-node");
const product = [...tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5, 6], [7, 8]])).dataSync()];
const { binding, isUsingGpuDevice } = tf.backend();
console.log(JSON.stringify({ product, version: binding.TF_Version, usesGpu: isUsingGpuDevice }));
`;

interface Setup extends SetupOptions, WorkFolders {
  readonly run: ToolRun;
}

/**
 * Sets up the library of a kind in a folder of its own. What was there before stays until the new one has been checked.
 * @throws BackendError `failed-setup`
 */
export async function setUp(options: SetupOptions): Promise<SetupResult> {
  checkPlatform();
  return alone(options.kind, async () => {
    const folders = await makeWorkFolders(options.kind);
    const run = { folder: folders.building, signal: options.signal, onLine: options.onLine };
    try {
      const checked = await takeSteps({ ...options, ...folders, run });
      return { folder: await moveInPlace(folders.building, options.kind), ...checked };
    } finally {
      await rm(folders.building, { recursive: true, force: true });
    }
  });
}

/** Takes away what was set up, and what a set-up that failed has downloaded. Resolves to whether there was something. */
export async function undo(kind: LibraryKind): Promise<boolean> {
  return existsSync(libraryRoot()) && alone(kind, () => removeAll(kind));
}

async function takeSteps(setup: Setup): Promise<Checked> {
  let checked: Checked | undefined;
  const steps = stepsOf(setup, (result) => {
    checked = result;
  });
  for (const [i, [title, work]] of steps.entries()) {
    setup.signal?.throwIfAborted();
    setup.onStep?.({ number: i + 1, count: steps.length, title });
    await work();
  }
  return checked!;
}

type Step = readonly [title: string, work: () => Promise<unknown>];
type Checked = Omit<SetupResult, "folder">;

function stepsOf(setup: Setup, onChecked: (result: Checked) => void): Step[] {
  const { kind, building, downloads, run } = setup;
  const package_ = join(building, "node_modules", "@tensorflow", "tfjs-node");
  const deps = join(package_, "deps");
  let wheel = setup.wheel === undefined ? "" : resolve(setup.wheel);
  const fetchWheel = async () => {
    wheel = await downloadWheel(kind, downloads, run);
    await checkWheel(wheel, kind, run);
  };
  const size = kind === "gpu" ? "570 MB" : "270 MB";
  return [
    wheel
      ? ["The wheel that you named", () => checkWheel(wheel, kind, run)]
      : [`TensorFlow's wheel, from the Python package index (${size})`, fetchWheel],
    ["The binding, from the npm registry", () => installBinding(building, run)],
    ["libtensorflow and its headers, out of the wheel", () => unpackWheel(wheel, deps, run)],
    ...(kind === "gpu"
      ? [["NVIDIA's libraries (2.5 GB)", () => addNvidiaLibraries(wheel, downloads, deps, run)] as const]
      : []),
    ["The build", () => build(package_, run)],
    ["A product to check it", async () => onChecked(await check(run))],
  ];
}

function checkPlatform(): void {
  if (process.platform === "linux") return;
  throw new BackendError(
    "failed-setup",
    `Setting up libtensorflow is written for Linux; this is ${process.platform}. ` +
      "`npm install @tensorflow/tfjs-node` gets an older libtensorflow for it.",
  );
}

async function installBinding(folder: string, run: ToolRun): Promise<void> {
  await writeFile(join(folder, "package.json"), '{ "private": true }\n');
  const words = ["install", "--ignore-scripts", "--no-fund", "--no-audit"];
  await npm([...words, `@tensorflow/tfjs-node@${bindingVersion}`], run);
}

async function build(package_: string, run: ToolRun): Promise<void> {
  const lib = join(package_, "deps", "lib");
  await symlink("libtensorflow_cc.so.2", join(lib, "libtensorflow.so"));
  await symlink("libtensorflow_framework.so.2", join(lib, "libtensorflow_framework.so"));
  const words = [
    "rebuild",
    "--module_name=tfjs_binding",
    `--module_path=${join(package_, "lib", "napi-v8")}`,
    "--napi_build_version=8",
    ...localHeaders(),
  ];
  await npm(["exec", "--yes", "--", `node-gyp@${nodeGypVersion}`, ...words], { ...run, folder: package_ });
  for (const done of ["deps/include", "build"])
    await rm(join(package_, done), { recursive: true, force: true });
}

/** Node's headers, where they came with it; node-gyp downloads them otherwise. */
function localHeaders(): string[] {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, "include", "node", "node_api.h")) ? [`--nodedir=${prefix}`] : [];
}

async function check(run: ToolRun): Promise<Checked> {
  const output = await runTool(process.execPath, ["-e", checkScript], run, "");
  const { product, version, usesGpu } = JSON.parse(output.split("\n").at(-1)!);
  if (String(product) === "19,22,43,50") return { version, usesGpu };
  throw new BackendError("failed-setup", `The library that was built multiplies wrongly: ${product}.`);
}

function npm(words: readonly string[], run: ToolRun): Promise<string> {
  return runTool("npm", words, run, "npm comes with Node: https://nodejs.org");
}
