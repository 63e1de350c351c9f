/** From a checkpoint's tensors to a family's parameters, one after the other. */

import { throwIfAborted, yieldToHost } from "@amulet-ts/core";
import { disposeParameters, emptyTree, type GrowingTree, placeParameter } from "./parameter-tree.js";
import { countElements, type PlannedParameter } from "./plan-parameters.js";
import { readParameter, usualStorage, type WeightStorage } from "./read-parameter.js";

export interface LoadProgress {
  /** Parameters' elements loaded so far, and in all. */
  readonly done: number;
  readonly total: number;
}

export interface LoadOptions {
  /**
   * `stored` takes the memory that the file has: the same numbers, and the default where the backend has kernels that
   * multiply with them; elsewhere a weight is decoded whenever it is used, which is many times slower than `float32`.
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
  { weights = usualStorage(), signal, onProgress }: LoadOptions = {},
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
