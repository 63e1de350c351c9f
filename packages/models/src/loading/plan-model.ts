import type { Checkpoint } from "@amulet-ts/files";
import { ModelError } from "../errors.js";
import type { FamilyConfig } from "../family.js";
import { type AnyFamily, findFamily } from "../registry.js";
import { checkCounts } from "./count-limits.js";
import { type PlannedParameter, planParameters } from "./plan-parameters.js";

/** What will be loaded and how it is run; no weight has been read for it. */
export interface ModelPlan {
  readonly family: AnyFamily;
  readonly config: FamilyConfig;
  readonly planned: readonly PlannedParameter[];
}

/**
 * Finds the family of a checkpoint and matches config, tokenizer and tensors with it.
 *
 * @throws ModelError `unknown-architecture`, `bad-config`, `bad-tokenizer`, `missing-tensor`, `bad-tensor-shape`
 */
export function planModel(checkpoint: Checkpoint): ModelPlan {
  const { format, path, store } = checkpoint;
  const family = findFamily(format, checkpoint.architecture, path);
  checkCounts(checkpoint.config, store);
  const config = family.readConfig(checkpoint.config);
  checkVocabulary(checkpoint, config);
  const specs = family.parameters(config);
  const sizes = family.axisSizes(config);
  return { family, config, planned: planParameters(store, format, path, specs, sizes, config.blockCount) };
}

/** A tokenizer may know fewer ids than the model has logits (padding), never more. */
function checkVocabulary({ path, tokenizer }: Checkpoint, { vocabularySize }: FamilyConfig): void {
  if (tokenizer.vocabularySize <= vocabularySize) return;
  throw new ModelError(
    "bad-tokenizer",
    `${path}: the tokenizer has ${tokenizer.vocabularySize} tokens and the model only ${vocabularySize}. They don't belong together.`,
  );
}
