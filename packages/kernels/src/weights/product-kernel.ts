/** The product as a kernel of TensorFlow.js' backend wasm: from its heap to the kernels' memory and back. */
import { type KernelConfig, type KernelFunc, registerKernel, type TensorInfo } from "@tensorflow/tfjs-core";
import type { Pool } from "../pool/pool.js";
import { type HeldBlocks, multiply, paddedRow } from "./product.js";

export const productKernel = "AmuletProduct";

/** What is needed of tfjs-backend-wasm's backend class. */
interface WasmBackend {
  makeOutput(shape: number[], dtype: "float32"): TensorInfo;
  typedArrayFromHeap(tensor: TensorInfo): Float32Array;
}

interface Attributes {
  readonly weight: HeldBlocks & { readonly pool: Pool };
}

const multiplyOnWasm: KernelFunc = ({ inputs, backend: anyBackend, attrs }) => {
  const backend = anyBackend as WasmBackend;
  const { weight } = attrs as unknown as Attributes;
  const { heap } = weight.pool;
  const x = inputs.x as TensorInfo;
  const count = x.shape[0]!;
  const output = backend.makeOutput([count, weight.outputs], "float32");
  const statesAt = putRows(weight.pool, backend.typedArrayFromHeap(x), count, weight.inputs);
  try {
    const resultAt = heap.allocate(4 * count * weight.outputs);
    try {
      multiply(weight.pool, { at: statesAt, count }, [
        { blocks: weight, resultAt, resultRowBytes: 4 * weight.outputs },
      ]);
      backend.typedArrayFromHeap(output).set(heap.floats(resultAt, count * weight.outputs));
      return output;
    } finally {
      heap.release(resultAt);
    }
  } finally {
    heap.release(statesAt);
  }
};

/** Rows of activations into the kernels' memory, where they end on zeros. */
function putRows({ heap }: Pool, x: Float32Array, count: number, inputs: number): number {
  const padded = paddedRow(inputs);
  const at = heap.allocate(4 * count * padded);
  const rows = heap.floats(at, count * padded);
  if (padded === inputs) rows.set(x);
  else {
    rows.fill(0);
    for (let n = 0; n < count; n++) rows.set(x.subarray(n * inputs, (n + 1) * inputs), n * padded);
  }
  return at;
}

const config: KernelConfig = { kernelName: productKernel, backendName: "wasm", kernelFunc: multiplyOnWasm };

let isRegistered = false;

/** Makes TensorFlow.js know the kernels. Calling it twice is harmless. */
export function registerKernels(): void {
  if (isRegistered) return;
  isRegistered = true;
  registerKernel(config);
}

export function runsProducts(backendName: string): boolean {
  return isRegistered && backendName === "wasm";
}
