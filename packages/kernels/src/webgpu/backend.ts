/** What of tfjs-backend-webgpu's backend class is touched: its programs, and the buffers behind tensors. */
import { backend, type TensorInfo } from "@tensorflow/tfjs-core";

/** A compute shader as the backend takes it; it declares `result`, the variables and `uniforms` around the code. */
export interface Program {
  readonly variableNames: string[];
  /** Numbers of an element of each variable as the shader sees it. */
  readonly variableComponents: number[];
  readonly outputShape: number[];
  readonly workgroupSize: [number, number, number];
  /** Workgroups. */
  dispatch: [number, number, number];
  /** Which of the output's axes each of these goes along. */
  readonly dispatchLayout: { readonly x: number[]; readonly y?: number[] };
  /** By which compiled programs are kept; the backend adds the ranks, and writes here. */
  shaderKey: string;
  /** Members of the uniforms beside shapes. */
  readonly uniforms?: string;
  getUserCode(): string;
}

export interface WebGpuBackend {
  readonly device: { readonly limits: Readonly<Record<string, number>> };
  readonly queue: { writeBuffer(buffer: object, at: number, bytes: Uint8Array): void };
  readonly tensorMap: { get(dataId: object): { readonly resource: object } };
  makeTensorInfo(shape: number[], dtype: "int32" | "float32"): TensorInfo;
  /** Gives a tensor its buffer. */
  uploadToGPU(dataId: object): void;
  runWebGPUProgram(
    program: Program,
    inputs: readonly TensorInfo[],
    dtype: "float32",
    uniforms: { type: "int32"; data: number[] }[],
    output: TensorInfo,
  ): TensorInfo;
}

/** The backend that runs now, which is webgpu. */
export function webGpuBackend(): WebGpuBackend {
  return backend() as unknown as WebGpuBackend;
}

/** Workgroups in a line that is folded where one dimension does not hold them; `x + y · width of x` is the number of one. */
export function foldDispatch(count: number, backend: WebGpuBackend): [number, number] {
  const most = backend.device.limits.maxComputeWorkgroupsPerDimension!;
  const folds = Math.ceil(count / most);
  return [Math.ceil(count / folds), folds];
}
