/** Picks and starts a TensorFlow.js backend: the only place in the house that imports one. */
import * as tf from "@tensorflow/tfjs-core";
import {
  type BackendModule,
  type BackendName,
  precisions,
  type RunningBackend,
  type StartOptions,
} from "./backend.js";
import { candidateBackends } from "./choose.js";
import { BackendError } from "./errors.js";
import { leaveAtBackend } from "./fast-products.js";

/** Nothing of a backend is loaded before it is asked for. */
const modules: Readonly<Record<BackendName, () => Promise<BackendModule>>> = {
  wasm: () => import("./wasm/wasm.js"),
  cpu: () => import("./cpu.js"),
  webgpu: () => import("./webgpu/webgpu.js"),
  node: () => import("./node.js"),
  "node-gpu": () => import("./node-gpu.js"),
};

/** Every backend that can be asked for; the first runs everywhere. */
export const backendNames = Object.keys(modules) as readonly BackendName[];

/**
 * Starts a backend and makes it the one that tensors live on. The one that runs is the one that was asked for. Several
 * starts at once go one after the other.
 *
 * @param name without it: the fastest that is here, see `candidateBackends`
 * @throws BackendError `bad-request`; `unknown-backend`; `missing-backend`, with the command that gets it;
 *   `unsupported-precision`; `failed-start` when it breaks at its start, or TensorFlow.js would run on another one instead
 */
export function startBackend(name?: string, options: StartOptions = {}): Promise<RunningBackend> {
  const started = latest.then(() => startNow(name, options));
  latest = started.catch(() => {});
  return started;
}

/** The start that was asked for last: TensorFlow.js drops one that another overtakes. */
let latest: Promise<unknown> = Promise.resolve();

async function startNow(name: string | undefined, options: StartOptions): Promise<RunningBackend> {
  checkOptions(options);
  if (name !== undefined) return { ...(await startNamed(name, options)), passedOver: [] };
  const { names, passedOver: absent } = await candidateBackends();
  const passedOver = [...absent];
  for (const candidate of names) {
    try {
      return { ...(await startNamed(candidate, options)), passedOver };
    } catch (error) {
      passedOver.push((error as Error).message);
    }
  }
  throw new BackendError("failed-start", `No backend started: ${passedOver.join(" ")}`);
}

type Started = Omit<RunningBackend, "passedOver">;

async function startNamed(name: string, options: StartOptions): Promise<Started> {
  if (!isBackendName(name)) {
    throw new BackendError(
      "unknown-backend",
      `There is no backend "${name}". There are: ${backendNames.join(", ")}.`,
    );
  }
  checkPrecision(name, options);
  const before = tf.engine().backendName;
  const module = await modules[name]();
  try {
    return await start(name, module, options);
  } catch (error) {
    // Whoever catches this finds the backend that was there before, and none where there was none: left in place, one
    // that computes on something else than was asked for would be used.
    if (before) await tf.setBackend(before);
    else if (tf.engine().registry[module.registeredAs]) tf.removeBackend(module.registeredAs);
    failedStart(name, error);
  }
}

async function start(name: BackendName, module: BackendModule, options: StartOptions): Promise<Started> {
  // Without this TensorFlow.js prints a banner on Node; what it turns off are checks that `decode` makes itself.
  tf.enableProdMode();
  await module.load(options);
  const { registeredAs } = module;
  const started = await tf.setBackend(registeredAs);
  if (!started || tf.getBackend() !== registeredAs)
    throw new Error(`TensorFlow.js stayed on ${tf.getBackend()}`);
  const facts = await module.inspect(options);
  leaveAtBackend(facts.fastProducts);
  return { name, ...facts };
}

/** Whatever backend it is for: one that was not named would be passed over. */
function checkOptions({ threads, kernels, precision = "f32" }: StartOptions): void {
  if (threads !== undefined && !(Number.isSafeInteger(threads) && threads >= 1)) {
    throw new BackendError(
      "bad-request",
      `The option threads must be a whole number of at least 1; it is ${describe(threads)}. Without it there is one for each core.`,
    );
  }
  if (kernels !== undefined && typeof kernels !== "boolean") {
    throw new BackendError(
      "bad-request",
      `The option kernels must be true or false; it is ${describe(kernels)}.`,
    );
  }
  if (!precisions.includes(precision)) {
    throw new BackendError(
      "unsupported-precision",
      `A precision is ${precisions.join(" or ")}; what came is ${describe(precision)}.`,
    );
  }
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value).slice(0, 80);
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** One that was asked for is had, or refused: an answer does not tell in what it was computed. */
function checkPrecision(name: BackendName, { precision = "f32", kernels = true }: StartOptions): void {
  const why =
    precision === "f32" || (name === "webgpu" && kernels)
      ? undefined
      : name === "webgpu"
        ? "The precision f16 is one of the kernels, which are off: leave them on, or the precision at f32."
        : `The backend "${name}" multiplies in f32 alone: the precision f16 is there with --backend webgpu.`;
  if (why !== undefined) throw new BackendError("unsupported-precision", why);
}

function isBackendName(name: string): name is BackendName {
  return Object.hasOwn(modules, name);
}

function failedStart(name: string, cause: unknown): never {
  if (cause instanceof BackendError) throw cause;
  const why = (cause instanceof Error ? cause.message : String(cause)).replace(/[.\s]*$/, "");
  throw new BackendError("failed-start", `The backend "${name}" did not start: ${why}.`, { cause });
}
