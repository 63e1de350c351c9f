import type { Checkpoint } from "@amulet-ts/files";
import { ModelError } from "../errors.js";
import type { AxisSizes, FamilyConfig, ParameterSpec } from "../family.js";
import { type AnyFamily, findFamily } from "../registry.js";
import { checkCounts } from "./count-limits.js";
import { type PlannedParameter, planParameters } from "./plan-parameters.js";

/** What will be loaded and how it is run; no weight has been read for it. */
export interface ModelPlan {
  readonly family: AnyFamily;
  readonly config: FamilyConfig;
  readonly planned: readonly PlannedParameter[];
  /** What the user should know, a line each. */
  readonly notes: readonly string[];
}

/**
 * Finds the family of a checkpoint and matches config, tokenizer and tensors with it.
 *
 * @throws ModelError `unknown-architecture`, `bad-config`, `bad-tokenizer`, `missing-tensor`, `bad-tensor-shape`
 */
export function planModel(checkpoint: Checkpoint): ModelPlan {
  return planFamily(checkpoint, findFamily(checkpoint.format, checkpoint.names, checkpoint.path));
}

/**
 * The same for a family that is known.
 *
 * @param head what a family's table gets in its head's place, with sizes of more letters
 */
export function planFamily(checkpoint: Checkpoint, family: AnyFamily, head?: OtherHead): ModelPlan {
  const { format, path, store } = checkpoint;
  checkCounts(checkpoint.config, store);
  const config = family.readConfig(checkpoint.config);
  const notes = checkVocabulary(checkpoint, config);
  const table = family.parameters(config);
  const specs = head ? [...table.filter((spec) => spec.path !== headPath), ...head.specs] : table;
  const sizes = { ...family.axisSizes(config), ...head?.sizes };
  const planned = planParameters(store, format, path, specs, sizes, config.blockCount);
  return { family, config, planned, notes };
}

/** Where a family has its head. */
export const headPath = "head_DV";

export interface OtherHead {
  readonly specs: readonly ParameterSpec[];
  readonly sizes: AxisSizes;
}

/**
 * A tokenizer may know fewer ids than the model has logits (padding), and a few more: tokens that were added after
 * training, which the model can neither read nor say. Twice as many are another model's.
 *
 * @returns a line for the user where it is more than a few
 */
function checkVocabulary({ path, tokenizer }: Checkpoint, { vocabularySize }: FamilyConfig): string[] {
  const beyond = tokenizer.vocabularySize - vocabularySize;
  if (beyond > vocabularySize)
    throw new ModelError(
      "bad-tokenizer",
      `${path}: the tokenizer has ${tokenizer.vocabularySize} tokens and the model only ${vocabularySize}. They don't belong together.`,
    );
  const ends = tokenizer.endTokens.filter((id) => id >= vocabularySize && tokenizer.piece(id) === "");
  const notes = ends.map(
    (id) => `The end token ${id} of ${path} is beyond the model's ${vocabularySize} logits: passed over.`,
  );
  if (beyond <= vocabularySize / 20) return notes;
  return [
    ...notes,
    `${beyond} of the tokenizer's ${tokenizer.vocabularySize} tokens are beyond the model's ${vocabularySize} ` +
      "logits: a prompt with one of them is refused. Perhaps tokenizer and model don't belong together.",
  ];
}
