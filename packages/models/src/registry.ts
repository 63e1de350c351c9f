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

/** @throws ModelError `unknown-architecture` */
export function findFamily(format: "huggingface" | "gguf", architecture: unknown, path: string): AnyFamily {
  const families = format === "gguf" ? byGgufName : byHuggingFaceName;
  const family =
    typeof architecture === "string" && Object.hasOwn(families, architecture)
      ? families[architecture]
      : undefined;
  if (family) return family;
  const came =
    architecture === undefined
      ? "names no architecture"
      : `is of the architecture ${JSON.stringify(architecture)}`;
  throw new ModelError(
    "unknown-architecture",
    `${path} ${came}; those that can be run are ${Object.keys(families).join(", ")}.`,
  );
}
