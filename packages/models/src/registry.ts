import { ModelError } from "./errors.js";
import { llama } from "./families/llama.js";
import type { Family, FamilyConfig, ParameterTree } from "./family.js";

/**
 * A family whose config and parameters only it knows. The casts below are the one place where a family's own
 * types are forgotten; its config and parameters come back to it alone.
 */
export type AnyFamily = Family<FamilyConfig, ParameterTree>;

/** Every family, by the architecture name that its checkpoints carry. */
const byHuggingFaceName: Readonly<Record<string, AnyFamily>> = {
  LlamaForCausalLM: llama as unknown as AnyFamily,
};

const byGgufName: Readonly<Record<string, AnyFamily>> = {
  llama: llama as unknown as AnyFamily,
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
