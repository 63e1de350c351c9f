/** What a checkpoint needs, by its headers alone: no weight is read for it. */
import type { Place } from "@amulet-ts/files";
import { ModelError } from "./errors.js";
import { withCheckpoint } from "./loading/load-model.js";
import { checkMemory, type MemoryBudget, neededBytes } from "./loading/memory.js";
import { planModel } from "./loading/plan-model.js";
import { countParameters } from "./loading/plan-parameters.js";
import { usualStorage } from "./loading/read-parameter.js";

export interface ModelNeeds {
  readonly family: string;
  readonly parameterCount: number;
  /** Of weights as the running backend holds them, with room to work. */
  readonly neededBytes: number;
  readonly limitBytes: number;
  /** Why it does not fit, where it doesn't: what loading it would say. */
  readonly refusal?: string;
}

/** By the rule that loading keeps. @throws what loading it does, but for its memory */
export function readNeeds(place: Place, memory: MemoryBudget): Promise<ModelNeeds> {
  return withCheckpoint(place, { memory }, async (checkpoint) => {
    const { family, planned } = planModel(checkpoint);
    const weights = usualStorage();
    const refusal = refusalOf(() => checkMemory(checkpoint.path, planned, weights, memory));
    return {
      family: family.name,
      parameterCount: countParameters(planned),
      neededBytes: neededBytes(planned, weights, memory.matrixCopies),
      limitBytes: memory.limitBytes,
      ...(refusal !== undefined && { refusal }),
    };
  });
}

function refusalOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof ModelError && error.code === "not-enough-memory") return error.message;
    throw error;
  }
}
