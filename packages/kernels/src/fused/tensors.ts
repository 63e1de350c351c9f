/** From tensors to the kernels' memory and back: one kernel of TensorFlow.js' backend wasm, which runs what it is given. */
import {
  engine,
  getBackend,
  type KernelFunc,
  registerKernel,
  type Tensor,
  type Tensor2D,
  type TensorInfo,
  tensor2d,
} from "@tensorflow/tfjs-core";
import { registerRowKernel } from "../policies/tfjs-memory.js";

const kernelName = "AmuletKernel";

/** A result in the kernels' memory, or in JavaScript's. */
export interface Result {
  readonly shape: [number, number];
  /** Its numbers, until something else is done with that memory. */
  readonly values: Float32Array;
}

/** Work on the values of tensors. What it returns is copied at once, and then `release` is called. */
export type Work = (values: readonly Float32Array[]) => {
  readonly results: readonly Result[];
  release(): void;
};

/** What is needed of tfjs-backend-wasm's backend class. */
interface WasmBackend {
  makeOutput(shape: number[], dtype: "float32"): TensorInfo;
  typedArrayFromHeap(tensor: TensorInfo): Float32Array;
}

const runOnWasm: KernelFunc = ({ inputs, backend: anyBackend, attrs }) => {
  const backend = anyBackend as WasmBackend;
  const { work } = attrs as unknown as { readonly work: Work };
  const { results, release } = work(
    Object.values(inputs as Record<string, TensorInfo>).map((tensor) => backend.typedArrayFromHeap(tensor)),
  );
  try {
    return results.map(({ shape, values }) => {
      const output = backend.makeOutput(shape, "float32");
      backend.typedArrayFromHeap(output).set(values);
      return output;
    });
  } finally {
    release();
  }
};

let isRegistered = false;

/** Makes TensorFlow.js know the kernels. Calling it twice is harmless. */
export function registerKernels(): void {
  if (isRegistered) return;
  isRegistered = true;
  registerKernel({ kernelName, backendName: "wasm", kernelFunc: runOnWasm });
  registerRowKernel();
}

/** Whether tensors of the running backend are read without copies, and not asked of a card. */
export function runsKernels(): boolean {
  return isRegistered && getBackend() === "wasm";
}

/** Runs work on tensors; on a backend without the kernel they are read and made by its ordinary ways. */
export function runOnTensors(tensors: readonly Tensor[], work: Work): Tensor2D[] {
  if (runsKernels()) {
    const inputs = Object.fromEntries(tensors.map((tensor, i) => [`x${i}`, tensor]));
    return engine().runKernel(kernelName, inputs, { work: work as never }) as unknown as Tensor2D[];
  }
  const { results, release } = work(tensors.map((tensor) => tensor.dataSync() as Float32Array));
  try {
    return results.map(({ shape, values }) => tensor2d(values.slice(), shape));
  } finally {
    release();
  }
}
