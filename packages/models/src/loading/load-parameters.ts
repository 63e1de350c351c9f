/** From a checkpoint's tensors to a family's parameters, one after the other. */

import { throwIfAborted, yieldToHost } from "@amulet-ts/core";
import { disposeParameters, emptyTree, type GrowingTree, placeParameter } from "./parameter-tree.js";
import { countElements, type PlannedParameter } from "./plan-parameters.js";
import { readParameter, type WeightStorage } from "./read-parameter.js";

export interface LoadProgress {
  /** Parameters' elements loaded so far, and in all. */
  readonly done: number;
  readonly total: number;
}

export interface LoadOptions {
  /**
   * `float32`, the default, is fast. `stored` takes the memory that the file has, and decodes a weight whenever it is
   * used: the same numbers, many times slower.
   */
  readonly weights?: WeightStorage;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/**
 * Reads the parameters one by one: no more than one of them, and a few rows of a tensor, are in JavaScript's memory
 * at a time, and between two pieces the host has its turn. The tensors are the caller's; on an error, or when aborted,
 * none is left behind.
 *
 * @param tensorLimitBytes what one tensor may have; a weight that is larger comes in several
 */
export async function loadParameters(
  planned: readonly PlannedParameter[],
  blockCount: number,
  { weights = "float32", signal, onProgress }: LoadOptions = {},
  tensorLimitBytes = Number.POSITIVE_INFINITY,
): Promise<GrowingTree> {
  const tree = emptyTree(blockCount);
  const total = planned.reduce((sum, parameter) => sum + countElements(parameter), 0);
  let done = 0;
  try {
    for (const parameter of planned) {
      await yieldToHost();
      throwIfAborted(signal, "Loading the model");
      const options = { weights, tensorLimitBytes, ...(signal && { signal }) };
      const value = await readParameter(parameter, options);
      for (const path of parameter.paths) placeParameter(tree, path, value);
      done += countElements(parameter);
      onProgress?.({ done, total });
    }
    return tree;
  } catch (error) {
    disposeParameters(tree);
    throw error;
  }
}
