/** Finds the binding to libtensorflow and loads it: what is installed first, then what was set up. */
import { createRequire } from "node:module";
import { join } from "node:path";
import util from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import { BackendError } from "../errors.js";
import { type LibraryKind, libraryFolder } from "./folder.js";

const packages = { cpu: "@tensorflow/tfjs-node", gpu: "@tensorflow/tfjs-node-gpu" } as const;

/** Errors alone. oneDNN's operations announce themselves whatever the level, and were no faster than Eigen's here. */
const quiet = { TF_CPP_MIN_LOG_LEVEL: "2", TF_ENABLE_ONEDNN_OPTS: "0" };

/** Set before the library is loaded, unless the user has set them. */
const environmentOf: Readonly<Record<LibraryKind, Readonly<Record<string, string>>>> = {
  cpu: quiet,
  // TF32 keeps ten bits of each factor, too few for log-policies. By default TensorFlow takes all of a card's memory.
  gpu: { ...quiet, NVIDIA_TF32_OVERRIDE: "0", TF_FORCE_GPU_ALLOW_GROWTH: "true" },
};

/** What TensorFlow.js' backend for libtensorflow shows of itself. */
export interface LibtensorflowBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: { readonly TF_Version: string };
}

let loaded: LibraryKind | undefined;

/**
 * Loads the library of a kind, which registers it with TensorFlow.js as `tensorflow`.
 * @throws BackendError `missing-backend`; `failed-start` where one is here and does not load, or one of the other kind is
 *   in this process
 */
export function loadLibtensorflow(kind: LibraryKind): void {
  if (loaded === kind) {
    checkRegistered(kind);
    return;
  }
  if (loaded !== undefined || tf.findBackendFactory("tensorflow") !== null) failOccupied(kind);
  for (const [name, value] of Object.entries(environmentOf[kind])) process.env[name] ??= value;
  restoreRemovedCheck();
  const failures: string[] = [];
  for (const [place, load] of candidates(kind)) {
    try {
      load();
      loaded = kind;
      return;
    } catch (error) {
      if (!isAbsent(error)) failures.push(`${place} did not load: ${firstLine(error)}`);
    }
  }
  throw notLoaded(kind, failures);
}

/** Whether there is something to load, without loading it. */
export function isLibtensorflowHere(kind: LibraryKind): boolean {
  return candidates(kind).some(([, , resolve]) => {
    try {
      return resolve() !== "";
    } catch {
      return false;
    }
  });
}

type Candidate = readonly [place: string, load: () => unknown, resolve: () => string];

function candidates(kind: LibraryKind): Candidate[] {
  const folder = libraryFolder(kind);
  return [
    candidate(createRequire(import.meta.url), packages[kind], `the installed ${packages[kind]}`),
    // The binding is the same for both kinds; the libraries differ.
    candidate(createRequire(join(folder, "package.json")), packages.cpu, folder),
  ];
}

function candidate(require: NodeJS.Require, name: string, place: string): Candidate {
  return [place, () => require(name), () => require.resolve(name)];
}

/** tfjs-node 4.22 calls a function that Node 23 has removed. */
function restoreRemovedCheck(): void {
  const legacy = util as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
}

function isAbsent(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "MODULE_NOT_FOUND" && /Cannot find module '@tensorflow\/tfjs-node/.test(message);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0]!.trim();
}

/** A library registers once; where its start failed it was taken off and does not come back. */
function checkRegistered(kind: LibraryKind): void {
  if (tf.findBackendFactory("tensorflow") !== null) return;
  throw new BackendError(
    "failed-start",
    `libtensorflow for the ${kind === "gpu" ? "GPU" : "CPU"} was tried in this process before and did not start: it ` +
      "needs a new process.",
  );
}

function failOccupied(kind: LibraryKind): never {
  throw new BackendError(
    "failed-start",
    `This process already runs another libtensorflow; the one for the ${kind === "gpu" ? "GPU" : "CPU"} needs a ` +
      "process of its own.",
  );
}

/** Nothing here: `missing-backend`. Something here that does not load: `failed-start`, with what each one said. */
function notLoaded(kind: LibraryKind, failures: readonly string[]): BackendError {
  const name = kind === "gpu" ? "node-gpu" : "node";
  const setup = `amulet doctor --setup-libtensorflow${kind === "gpu" ? " --gpu" : ""}`;
  if (failures.length > 0) {
    const why = `The backend "${name}" did not start: ${failures.join("; ")}. \`${setup}\` sets it up anew.`;
    return new BackendError("failed-start", why);
  }
  const what = kind === "gpu" ? "libtensorflow for CUDA" : "libtensorflow";
  return new BackendError(
    "missing-backend",
    `The backend "${name}" needs ${what}, which is not here. \`${setup}\` builds it against libtensorflow 2.21; ` +
      `\`npm install ${packages[kind]}\` gets libtensorflow 2.9.1 instead.`,
  );
}
