/** Several programs as one kernel of TensorFlow.js' backend webgpu: what stands between them goes when the last one is told. */
import {
  engine,
  type KernelFunc,
  registerKernel,
  type Tensor,
  type Tensor2D,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { type Program, type Uniform, type WebGpuBackend, webGpuBackend } from "./backend.js";

/** Uniforms of programs, by their kind. */
export const whole = (value: number): Uniform => ({ type: "int32", data: [value] });
export const real = (value: number): Uniform => ({ type: "float32", data: [value] });

/** The backend, and what one piece of work has made on it. */
export class Card {
  private readonly made = new Set<TensorInfo>();

  constructor(readonly backend: WebGpuBackend) {}

  /** Runs a program whose result is new, or `output`. */
  run(
    program: Program,
    inputs: readonly TensorInfo[],
    uniforms: readonly Uniform[] = [],
    output = this.make(program.outputShape),
  ): TensorInfo {
    return this.backend.runWebGPUProgram(program, inputs, "float32", uniforms, output);
  }

  /** Room for numbers, whatever they are. */
  make(shape: number[], dtype: "float32" | "int32" = "float32"): TensorInfo {
    const info = this.backend.makeTensorInfo(shape, dtype);
    this.made.add(info);
    return info;
  }

  /** Lets go of all that was made but one. */
  keep(result?: TensorInfo): void {
    for (const info of this.made) if (info !== result) this.backend.disposeData(info.dataId);
  }
}

type Work = (card: Card) => TensorInfo;

const kernelName = "AmuletFused";

const runWork: KernelFunc = ({ attrs }) => {
  const { work } = attrs as unknown as { readonly work: Work };
  const card = new Card(webGpuBackend());
  try {
    const result = work(card);
    card.keep(result);
    return result;
  } catch (error) {
    card.keep();
    throw error;
  }
};

let isRegistered = false;

/** Makes TensorFlow.js know the kernel. Calling it twice is harmless. */
export function registerKernels(): void {
  if (isRegistered) return;
  isRegistered = true;
  registerKernel({ kernelName, backendName: "webgpu", kernelFunc: runWork });
}

/** @param tensors that the work reads */
export function runOnCard(tensors: readonly Tensor[], work: Work): Tensor2D {
  const inputs = Object.fromEntries(tensors.map((tensor, i) => [`x${i}`, tensor]));
  return engine().runKernel(kernelName, inputs, { work: work as never }) as Tensor2D;
}
