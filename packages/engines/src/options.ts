/** What openEngine takes, and the check of it: callers without types get a sentence, not an error from inside. */
import type { Precision } from "@amulet-ts/backends";
import type { PrefillProgress } from "@amulet-ts/core";
import type { Environment, HubProgress } from "@amulet-ts/files";
import { type EngineKind, engineKind, engineNames } from "./engine-kind.js";
import { EngineError } from "./errors.js";

/** How to look for a model. */
export interface FindModelOptions {
  /** Ends the call; what has arrived of a download is kept for the next one. */
  readonly signal?: AbortSignal | undefined;
  /** Called with every piece of a download that arrives. */
  readonly onDownload?: ((progress: HubProgress) => void) | undefined;
  /** Where the hub's address, cache and token come from. Default: `process.env`. */
  readonly environment?: Environment | undefined;
}

export const gpuKinds = ["auto", "cuda", "vulkan", "metal", "off"] as const;
export type GpuKind = (typeof gpuKinds)[number];

/** More than the cores of any machine that this is for; each takes memory of its own, and V8 ends the process where there is none. */
export const mostThreads = 256;

/** Those of the backends, which are loaded when one is started. */
const precisions: readonly Precision[] = ["f32", "f16"];

export interface OpenEngineOptions extends FindModelOptions {
  /**
   * A GGUF file, a folder in Hugging Face's layout, or a model of the hub, `org/name[:file.gguf][@revision]`, which is
   * downloaded once. Default: the embedded model. With a server: the name that the model has there; its first is the default.
   */
  readonly model?: string | undefined;
  /**
   * Where the model computes: `tfjs`, in this process on TensorFlow.js; `llama.cpp`, in this process by llama.cpp; or the
   * address of a server, `http://HOST:PORT/v1`. Default: tfjs.
   */
  readonly engine?: string | undefined;
  /** cpu, wasm, webgpu, node or node-gpu: what computes methods, and with tfjs the model. Default: the fastest that is here. */
  readonly backend?: string | undefined;
  /** tfjs on wasm, and llama.cpp: how many threads compute, 256 at most. Default: one for each core. */
  readonly threads?: number | undefined;
  /**
   * tfjs on wasm and webgpu: whether weights stay as their file stores them, multiplied by kernels of ours. Default: true; without,
   * they are float32 tensors.
   */
  readonly kernels?: boolean | undefined;
  /**
   * tfjs on webgpu: in which numbers these kernels multiply. `f16`, where the device has it, rounds weights and activations to half
   * precision and changes the last digits of logits. Default: f32, the file's own numbers.
   */
  readonly precision?: Precision | undefined;
  /** llama.cpp: which kind of card computes, `auto`, `cuda`, `vulkan`, `metal` or `off`. Default: auto. */
  readonly gpu?: GpuKind | undefined;
  /** llama.cpp: how many layers a card holds. Default: all. */
  readonly gpuLayers?: number | undefined;
  /**
   * A server: how many of the most probable tokens of each prompt are asked for at first; more where a method needs more.
   * Default: what the server gives without being set up for more, 20 or 128.
   */
  readonly candidates?: number | undefined;
  /**
   * A server: where its model's tokenizer and chat template are, a folder, a GGUF file or a model of the hub. Default: where
   * the server says that it has the model from, should that be on this disk.
   */
  readonly tokenizer?: string | undefined;
  /** Shows the log of the library that computes, on standard error. */
  readonly debug?: boolean | undefined;
  /** Called while parameters are loaded; `done` and `total` count numbers. */
  readonly onProgress?: ((progress: PrefillProgress) => void) | undefined;
}

/** What an option may be, and the words for it. */
interface Expected {
  readonly words: string;
  holds(value: unknown): boolean;
}

const aFunction: Expected = { words: "a function", holds: (value) => typeof value === "function" };

const expected: Readonly<Record<keyof OpenEngineOptions, Expected>> = {
  model: {
    words: "the path of a .gguf file or of a folder, or a hub id such as org/name, as a text",
    holds: (value) => typeof value === "string" && value.trim() !== "",
  },
  engine: {
    words: `${engineNames.join(", ")}, or the address of a server, such as http://localhost:8000/v1`,
    holds: (value) => typeof value === "string" && engineKind(value) !== undefined,
  },
  backend: {
    words: "the name of a backend, such as wasm",
    holds: (value) => typeof value === "string" && value.trim() !== "",
  },
  threads: {
    words: `a whole number from 1 to ${mostThreads}`,
    holds: (value) =>
      Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= mostThreads,
  },
  gpu: {
    words: gpuKinds.join(", "),
    holds: (value) => gpuKinds.some((kind) => kind === value),
  },
  gpuLayers: {
    words: "a whole number of at least 0",
    holds: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  },
  kernels: { words: "true or false", holds: (value) => typeof value === "boolean" },
  precision: {
    words: precisions.join(" or "),
    holds: (value) => precisions.some((precision) => precision === value),
  },
  candidates: {
    words: "a whole number of at least 1",
    holds: (value) => Number.isSafeInteger(value) && (value as number) >= 1,
  },
  tokenizer: {
    words: "the path of a folder or of a .gguf file, or a hub id, as a text",
    holds: (value) => typeof value === "string" && value.trim() !== "",
  },
  debug: { words: "true or false", holds: (value) => typeof value === "boolean" },
  signal: { words: "an AbortSignal", holds: isSignal },
  onProgress: aFunction,
  onDownload: aFunction,
  environment: { words: "an object of texts, such as process.env", holds: isObject },
};

/** @throws EngineError `bad-request`, with what was expected and what came */
export function checkOptions(options: unknown, caller: string): asserts options is OpenEngineOptions {
  if (!isObject(options) || options instanceof URL) {
    throw refuse(`${caller} expects an object of options, such as { model: "org/name" }`, options);
  }
  const names = Object.keys(expected);
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(expected, name)) {
      throw new EngineError(
        "bad-request",
        `${caller} has no option ${JSON.stringify(name)}; it has ${names.join(", ")}.`,
      );
    }
    const { words, holds } = expected[name as keyof OpenEngineOptions];
    if (value !== undefined && !holds(value)) throw refuse(`The option ${name} must be ${words}`, value);
  }
  checkOwners(options);
}

/** Options that not every engine obeys. */
const owners: Partial<Readonly<Record<keyof OpenEngineOptions, readonly EngineKind[]>>> = {
  threads: ["tfjs", "llama.cpp"],
  kernels: ["tfjs"],
  precision: ["tfjs"],
  gpu: ["llama.cpp"],
  gpuLayers: ["llama.cpp"],
  candidates: ["http"],
  tokenizer: ["http"],
};

/** An option that does nothing is a mistake. */
function checkOwners(options: OpenEngineOptions): void {
  const engine = engineKind(options.engine ?? "tfjs")!;
  for (const [name, kinds] of Object.entries(owners)) {
    if (options[name as keyof OpenEngineOptions] === undefined || kinds.includes(engine)) continue;
    throw new EngineError(
      "bad-request",
      `The option ${name} belongs to the engine ${kinds.map(inWords).join(" and ")}; with ${inWords(engine)} it does nothing.`,
    );
  }
}

/** An address may hold a password, and is not repeated. */
const inWords = (engine: EngineKind) => (engine === "http" ? "of a server's address" : engine);

/** A model's name that stands alone. @throws EngineError `bad-request` */
export function checkName(name: unknown): asserts name is string {
  const { words, holds } = expected.model;
  if (!holds(name)) throw refuse(`A model's name must be ${words}`, name);
}

function refuse(sentence: string, value: unknown): EngineError {
  const advice = value instanceof URL ? ' For a file, give fileURLToPath(url) of "node:url".' : "";
  return new EngineError("bad-request", `${sentence}; it is ${describe(value)}.${advice}`);
}

function describe(value: unknown): string {
  if (value instanceof URL) return `the URL ${value.href}`;
  if (typeof value === "string")
    return value.trim() === "" ? "an empty text" : JSON.stringify(value).slice(0, 80);
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "function" ? "a function" : String(value);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** By what it can do: one from another realm is as good. */
function isSignal(value: unknown): boolean {
  const signal = value as Partial<AbortSignal> | null;
  return (
    isObject(signal) && typeof signal.aborted === "boolean" && typeof signal.addEventListener === "function"
  );
}
