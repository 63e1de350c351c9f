/**
 * A model of which there is a config and no weights yet, which are handed to it (`apply` in Flax, `functional_call` in
 * PyTorch): what a trainer starts from. Its tensors are those of a checkpoint in Hugging Face's layout, under their
 * names there; the parameters that the forward pass wants are made of them by the family's table, as the loader makes
 * them, but with operations of TensorFlow.js. So gradients reach the checkpoint's own tensors, one that serves twice (a
 * tied embedding) gets both of its gradients, and what was trained is saved as it is.
 */

import { describeValue } from "@amulet-ts/core";
import { architectureNames, ConfigSource, FilesError } from "@amulet-ts/files";
import { add, concat, type Tensor, type Tensor2D, transpose } from "@tensorflow/tfjs-core";
import { ModelError } from "../errors.js";
import type { FamilyConfig, ForwardPass, ParameterSpec, ParameterTree } from "../family.js";
import { findFamily } from "../registry.js";
import { TensorWeight } from "../weights/tensor-weight.js";
import type { Weight } from "../weights/weight.js";
import { emptyTree, placeParameter } from "./parameter-tree.js";
import { expandBlocks } from "./plan-parameters.js";

/** Tensors of a checkpoint by their Hugging Face names. */
export type CheckpointTensors = ReadonlyMap<string, Tensor>;

export interface ModelDefinition {
  readonly config: FamilyConfig;
  /** Shape of every tensor that a checkpoint of this model has, as Hugging Face has it. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /**
   * The family's forward pass over these tensors. It keeps tensors made of them: call it in the scope that uses it,
   * once for every change of a weight, and under the gradient where one is taken.
   *
   * @throws ModelError `missing-tensor`
   */
  bind(tensors: CheckpointTensors): ForwardPass;
}

/**
 * @param values the content of config.json
 * @param where what the config is called in errors
 * @throws ModelError `unknown-architecture`, `bad-config`
 */
export function defineModel(
  values: Readonly<Record<string, unknown>>,
  where = "config.json",
): ModelDefinition {
  checkValues(values, where);
  const family = findFamily("huggingface", architectureNames(values), where);
  const config = family.readConfig(new ConfigSource("huggingface", where, values, new Set()));
  const sizes = family.axisSizes(config);
  const specs = [...expandBlocks(family.parameters(config), config.blockCount)].filter(isStored);
  const shapes = new Map(
    specs.flatMap(({ parts }) =>
      parts.map(({ huggingface, shape }) => [huggingface!, [...shape].map((letter) => sizes[letter]!)]),
    ),
  );
  return {
    config,
    shapes,
    bind: (tensors) => family.bind(config, assemble(specs, config.blockCount, tensors)),
  };
}

/** @throws FilesError `bad-config` for what is no object */
export function checkValues(values: unknown, where: unknown): void {
  if (typeof where === "string" && typeof values === "object" && values !== null && !Array.isArray(values))
    return;
  throw new FilesError(
    "bad-config",
    `A config is the object that config.json holds, and has a name for errors; what came is ${describeValue(values)} ` +
      `named ${describeValue(where)}.`,
  );
}

function isStored({ parts, optional }: ParameterSpec): boolean {
  return !optional && parts.every(({ huggingface }) => huggingface !== undefined);
}

/** The parameters made of a checkpoint's tensors: matrices turned, those that stand side by side joined. */
function assemble(
  specs: readonly ParameterSpec[],
  blockCount: number,
  tensors: CheckpointTensors,
): ParameterTree {
  const tree = emptyTree(blockCount);
  for (const spec of specs) placeParameter(tree, spec.path, makeParameter(spec, tensors));
  return tree;
}

function makeParameter({ form, parts }: ParameterSpec, tensors: CheckpointTensors): Tensor | Weight {
  const made = parts.map(({ huggingface, offset, inputsFirst }) => {
    const tensor = tensors.get(huggingface!) ?? refuse(huggingface!, tensors);
    const shifted = offset === undefined ? tensor : add(tensor, offset);
    return form === "linear" && !inputsFirst ? transpose(shifted) : shifted;
  });
  const joined = made.length === 1 ? made[0]! : concat(made, -1);
  if (form === "linear") return new TensorWeight({ columns_IO: joined as Tensor2D });
  return form === "embedding" ? new TensorWeight({ rows_OI: joined as Tensor2D }) : joined;
}

function refuse(name: string, tensors: CheckpointTensors): never {
  throw new ModelError(
    "missing-tensor",
    `A model is made of the tensors of its definition; ${name} is not among the ${tensors.size} that came.`,
  );
}
