/** What is done with packed weights, as kernels of TensorFlow.js' backend webgpu: tensors go in, tensors come out. */
import {
  engine,
  type KernelFunc,
  registerKernel,
  type Tensor,
  type Tensor2D,
  type TensorInfo,
  tensor1d,
} from "@tensorflow/tfjs-core";
import type { Program, WebGpuBackend } from "./backend.js";
import { fewRowsProgram } from "./programs/few-rows.js";
import { lookUpProgram } from "./programs/look-up.js";
import { tiledProgram } from "./programs/tiled.js";

/** Rows `[first, first + blocks' rows)` of a weight, in a buffer. */
export interface Slice {
  readonly first: number;
  readonly blocks_OW: Tensor2D;
}

interface Attributes {
  readonly slices: readonly Slice[];
  readonly outputShape: [number, number];
  program(backend: WebGpuBackend, slice: Slice): Program;
}

const kernelName = "AmuletPacked";

/** Runs a program on each slice; all of them write to one result. */
const runOnSlices: KernelFunc = ({ inputs, backend: anyBackend, attrs }) => {
  const backend = anyBackend as unknown as WebGpuBackend;
  const { slices, outputShape, program } = attrs as unknown as Attributes;
  const { x } = inputs as { readonly x: TensorInfo };
  const output = backend.makeTensorInfo(outputShape, "float32");
  for (const slice of slices) {
    const first = { type: "int32" as const, data: [slice.first] };
    backend.runWebGPUProgram(program(backend, slice), [x, slice.blocks_OW], "float32", [first], output);
  }
  return output;
};

let isRegistered = false;

/** Makes TensorFlow.js know the kernel. Calling it twice is harmless. */
export function registerKernels(): void {
  if (isRegistered) return;
  isRegistered = true;
  registerKernel({ kernelName, backendName: "webgpu", kernelFunc: runOnSlices });
}

/** Rows of a prompt, from so many on; those of a decoding step, also of several answers side by side, are fewer. */
const manyRows = 17;

/**
 * @param x_NI rows of whole chunks
 * @param tiledFrom so many rows on it is done in tiles
 */
export function multiply(
  x_NI: Tensor2D,
  storedType: string,
  slices: readonly Slice[],
  tiledFrom = manyRows,
): Tensor2D {
  const [N] = x_NI.shape;
  const outputs = slices.reduce((sum, { blocks_OW }) => sum + blocks_OW.shape[0], 0);
  const outputShape: [number, number] = [N, outputs];
  return run(x_NI, slices, outputShape, (backend, { blocks_OW }) =>
    N >= tiledFrom
      ? tiledProgram(storedType, outputShape, blocks_OW.shape[0])
      : fewRowsProgram(backend, storedType, outputShape, blocks_OW.shape[0], N <= 2 ? 2 : 8),
  );
}

/** @param inputs numbers of a row */
export function lookUp(
  ids_N: Int32Array,
  storedType: string,
  slices: readonly Slice[],
  inputs: number,
): Tensor2D {
  const outputShape: [number, number] = [ids_N.length, inputs];
  const holdsSome = ({ first, blocks_OW }: Slice) =>
    ids_N.some((id) => id >= first && id < first + blocks_OW.shape[0]);
  return run(tensor1d(ids_N, "int32"), slices.filter(holdsSome), outputShape, () =>
    lookUpProgram(storedType, outputShape),
  );
}

function run(
  x: Tensor,
  slices: readonly Slice[],
  outputShape: [number, number],
  program: Attributes["program"],
): Tensor2D {
  const attributes: Attributes = { slices, outputShape, program };
  return engine().runKernel(kernelName, { x }, attributes as never) as Tensor2D;
}
