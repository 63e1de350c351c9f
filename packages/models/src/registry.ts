import type { ArchitectureNames } from "@amulet-ts/files";
import { ModelError } from "./errors.js";
import { gemma3 } from "./families/gemma3.js";
import { gpt2 } from "./families/gpt2.js";
import { llama } from "./families/llama.js";
import { mistral } from "./families/mistral.js";
import { qwen2 } from "./families/qwen2.js";
import { qwen3 } from "./families/qwen3.js";
import type { Family, FamilyConfig, ParameterTree } from "./family.js";

/**
 * A family whose config and parameters only it knows. The casts below are the one place where a family's own
 * types are forgotten; its config and parameters come back to it alone.
 */
export type AnyFamily = Family<FamilyConfig, ParameterTree>;

/** Every family, by the architecture name that its checkpoints carry. */
const byHuggingFaceName: Readonly<Record<string, AnyFamily>> = {
  Gemma3ForCausalLM: gemma3 as unknown as AnyFamily,
  GPT2LMHeadModel: gpt2 as unknown as AnyFamily,
  LlamaForCausalLM: llama as unknown as AnyFamily,
  MistralForCausalLM: mistral as unknown as AnyFamily,
  Qwen2ForCausalLM: qwen2 as unknown as AnyFamily,
  Qwen3ForCausalLM: qwen3 as unknown as AnyFamily,
};

const byGgufName: Readonly<Record<string, AnyFamily>> = {
  gemma3: gemma3 as unknown as AnyFamily,
  gpt2: gpt2 as unknown as AnyFamily,
  llama: llama as unknown as AnyFamily,
  qwen2: qwen2 as unknown as AnyFamily,
  qwen3: qwen3 as unknown as AnyFamily,
};

/** The same by `model_type`. */
const byModelType: Readonly<Record<string, AnyFamily>> = {
  gemma3_text: gemma3 as unknown as AnyFamily,
  gpt2: gpt2 as unknown as AnyFamily,
  llama: llama as unknown as AnyFamily,
  mistral: mistral as unknown as AnyFamily,
  qwen2: qwen2 as unknown as AnyFamily,
  qwen3: qwen3 as unknown as AnyFamily,
};

/**
 * The family that a checkpoint names. Of a folder `model_type` decides, as in transformers: the class that was saved
 * may be missing, a base class, or one with another head.
 *
 * @throws ModelError `unknown-architecture`
 */
export function findFamily(
  format: "huggingface" | "gguf",
  names: ArchitectureNames,
  path: string,
): AnyFamily {
  const { architecture, modelType } = names;
  const family =
    format === "gguf"
      ? lookUp(byGgufName, architecture)
      : (lookUp(byModelType, modelType) ?? lookUp(byHuggingFaceName, architecture));
  if (family) return family;
  throw format === "gguf" ? unknownGguf(path, architecture) : unknownFolder(path, names);
}

function lookUp(families: Readonly<Record<string, AnyFamily>>, name: unknown): AnyFamily | undefined {
  return typeof name === "string" && Object.hasOwn(families, name) ? families[name] : undefined;
}

function unknownGguf(path: string, architecture: unknown): ModelError {
  const came =
    architecture === undefined ? "names no architecture" : `is of the architecture ${show(architecture)}`;
  const known = Object.keys(byGgufName).join(", ");
  return new ModelError("unknown-architecture", `${path} ${came}; those that can be run are ${known}.`);
}

function unknownFolder(path: string, { architecture, modelType }: ArchitectureNames): ModelError {
  const came =
    (architecture ?? modelType ?? undefined) === undefined
      ? 'names no architecture: its config.json has neither "architectures" nor "model_type"'
      : `is of the architecture ${show(architecture ?? null)} (model_type ${show(modelType ?? null)})`;
  const classes = Object.keys(byHuggingFaceName).join(", ");
  const types = Object.keys(byModelType).join(", ");
  return new ModelError(
    "unknown-architecture",
    `${path} ${came}; those that can be run are ${classes} (model_type ${types}).`,
  );
}

/** Foreign text, cut to a length that an error can show. */
function show(name: unknown): string {
  return typeof name === "string" ? JSON.stringify(name.slice(0, 100)) : name === null ? "none" : typeof name;
}
