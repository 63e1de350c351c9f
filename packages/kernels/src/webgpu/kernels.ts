/** Kernels for TensorFlow.js' backend webgpu, as a loader finds them. */
import { backend } from "@tensorflow/tfjs-core";
import { leaveAtBackend } from "../at-backend.js";
import { storedTypes } from "../stored-types.js";
import { webGpuBackend } from "./backend.js";
import { registerKernels } from "./operations.js";
import { PackedWeight } from "./packed-weight.js";

/** What a loader gets. */
export interface PackedKernels {
  /** The types that are multiplied as they are, in the words of files. */
  readonly storedTypes: readonly string[];
  /** Bytes of the weights that are held now. */
  readonly heldBytes: number;
  /**
   * Room for a weight `[outputs, inputs]`, to be written and then used.
   *
   * @throws KernelsError `bad-weight` for rows that are no whole blocks
   */
  hold(storedType: string, outputs: number, inputs: number): PackedWeight;
}

/** Leaves kernels at the backend that runs now, which is TensorFlow.js' webgpu. */
export function leaveKernelsAtBackend(): PackedKernels {
  registerKernels();
  const owner = backend();
  const kernels = made.get(owner) ?? makeKernels();
  made.set(owner, kernels);
  leaveAtBackend(kernels);
  return kernels;
}

/** A backend that is started again keeps its kernels, and their account. */
const made = new WeakMap<object, PackedKernels>();

function makeKernels(): PackedKernels {
  const held = new Set<PackedWeight>();
  return {
    storedTypes: [...storedTypes.keys()],
    get heldBytes() {
      return [...held].reduce((sum, { bytes }) => sum + bytes, 0);
    },
    hold: (storedType, outputs, inputs) => {
      const { maxBufferSize, maxStorageBufferBindingSize } = webGpuBackend().device.limits;
      const mostBytes = Math.min(maxBufferSize!, maxStorageBufferBindingSize!);
      const type = storedTypes.get(storedType)!;
      const weight = new PackedWeight(type, outputs, inputs, mostBytes, () => held.delete(weight));
      held.add(weight);
      return weight;
    },
  };
}
