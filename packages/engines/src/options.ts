/** What openEngine takes, and the check of it: callers without types get a sentence, not an error from inside. */
import type { PrefillProgress } from "@amulet-ts/core";
import type { Environment, HubProgress } from "@amulet-ts/files";
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

export interface OpenEngineOptions extends FindModelOptions {
  /**
   * A GGUF file, a folder in Hugging Face's layout, or a model of the hub, `org/name[:file.gguf][@revision]`, which is
   * downloaded once. Default: the embedded model.
   */
  readonly model?: string | undefined;
  /** cpu, wasm, webgpu, node or node-gpu. Default: the fastest that is here. */
  readonly backend?: string | undefined;
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
  backend: {
    words: "the name of a backend, such as wasm",
    holds: (value) => typeof value === "string" && value.trim() !== "",
  },
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
}

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
