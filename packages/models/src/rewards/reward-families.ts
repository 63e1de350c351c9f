/** Reward models: a family's body with another head, which says what an answer is worth. */
import type { Checkpoint } from "@amulet-ts/files";
import { ModelError } from "../errors.js";
import { llama } from "../families/llama.js";
import { mistral } from "../families/mistral.js";
import { qwen2 } from "../families/qwen2.js";
import { qwen3 } from "../families/qwen3.js";
import { linear, numbers, type ParameterSpec, sideBySide } from "../family.js";
import { headPath, type OtherHead } from "../loading/plan-model.js";
import type { AnyFamily } from "../registry.js";

/** A reward model by the class that was saved. */
export interface RewardKind {
  readonly family: AnyFamily;
  /** Whether the prompt decides how its heads are weighed. */
  readonly isGated: boolean;
}

const plain = (family: unknown): RewardKind => ({ family: family as AnyFamily, isGated: false });

const kinds: Readonly<Record<string, RewardKind>> = {
  LlamaForSequenceClassification: plain(llama),
  MistralForSequenceClassification: plain(mistral),
  Qwen2ForSequenceClassification: plain(qwen2),
  Qwen3ForSequenceClassification: plain(qwen3),
  LlamaForRewardModelWithGating: { ...plain(llama), isGated: true },
};

/** @throws ModelError `unknown-architecture` */
export function findRewardKind({
  names: { architecture },
  path,
}: Pick<Checkpoint, "names" | "path">): RewardKind {
  if (typeof architecture === "string" && Object.hasOwn(kinds, architecture)) return kinds[architecture]!;
  const came = typeof architecture === "string" ? JSON.stringify(architecture.slice(0, 100)) : "none";
  throw new ModelError(
    "unknown-architecture",
    `${path} is of the architecture ${came}, which is no reward model that can be run; those are ` +
      `${Object.keys(kinds).join(", ")}, as folders or by their hub ids.`,
  );
}

/** R heads, of width D: `score.weight [R, D]`, as transformers' sequence classifiers have it. */
export function scoreHead({ store }: Checkpoint): OtherHead {
  const R = store.tensors.get("score.weight")?.shape[0] ?? 1;
  return { specs: [linear(headPath, "score.weight", undefined, "RD")], sizes: { R } };
}

/**
 * ArmoRM's: R rewards of the last token's state, and a gate of L layers of width P, of which the first stands beside the
 * rewards as one product; the others are few numbers, for the host.
 */
export function gatedHead({ store }: Checkpoint): OtherHead & { readonly layers: number } {
  const R = store.tensors.get("regression_layer.weight")?.shape[0] ?? 1;
  const P = store.tensors.get("gating.layers.0.weight")?.shape[0] ?? 1;
  const layers = Math.max(2, [...store.tensors.keys()].filter((name) => gateLayer.test(name)).length);
  const gate = Array.from({ length: layers }, (_, i) => gateSpecs(i, i === layers - 1)).flat();
  return {
    layers,
    sizes: { R, P, "1": 1 },
    specs: [
      sideBySide(headPath, [
        linear("rewards", "regression_layer.weight", undefined, "RD"),
        linear("gate", "gating.layers.0.weight", undefined, "PD"),
      ]),
      numbers("rewardTransform", "reward_transform_matrix", undefined, "RR"),
      numbers("gateScale", "gating.logit_scale", undefined, "1"),
      ...gate,
    ],
  };
}

const gateLayer = /^gating\.layers\.\d+\.weight$/;

function gateSpecs(layer: number, isLast: boolean): ParameterSpec[] {
  const outputs = isLast ? "R" : "P";
  const name = `gating.layers.${layer}`;
  const bias = numbers(`gateBias${layer}`, `${name}.bias`, undefined, outputs);
  return layer === 0
    ? [bias]
    : [numbers(`gateWeight${layer}`, `${name}.weight`, undefined, `${outputs}P`), bias];
}
