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
  /** Which of the output's axes each of these goes along; with `y` the code's `main` is told no index. */
  readonly dispatchLayout: { readonly x: number[]; readonly y?: number[] };
  /** By which compiled programs are kept; the backend adds the ranks, and writes here. */
  shaderKey: string;
  /** Members of the uniforms beside shapes. */
  readonly uniforms?: string;
  getUserCode(): string;
}

/** A member of a program's uniforms. */
export interface Uniform {
  readonly type: "int32" | "float32";
  readonly data: number[];
}

export interface WebGpuBackend {
  readonly device: {
    readonly limits: Readonly<Record<string, number>>;
    readonly features: { has(name: string): boolean };
  };
  readonly queue: { writeBuffer(buffer: object, at: number, bytes: Uint8Array): void };
  readonly tensorMap: { get(dataId: object): { readonly resource: object } };
  makeTensorInfo(shape: number[], dtype: "int32" | "float32"): TensorInfo;
  /** Gives a tensor its buffer. */
  uploadToGPU(dataId: object): void;
  /** Its buffer goes once the commands that use it are submitted. */
  disposeData(dataId: object): boolean;
  runWebGPUProgram(
    program: Program,
    inputs: readonly TensorInfo[],
    dtype: "float32",
    uniforms: readonly Uniform[],
    output?: TensorInfo,
  ): TensorInfo;
}

/** The backend that runs now, which is webgpu. */
export function webGpuBackend(): WebGpuBackend {
  return backend() as unknown as WebGpuBackend;
}

/** Bytes of a buffer that a program may see. */
export function mostBytesOf({ device: { limits } }: WebGpuBackend): number {
  return Math.min(limits.maxBufferSize!, limits.maxStorageBufferBindingSize!);
}

/** Workgroups in a line that is folded where one dimension does not hold them; `x + y · width of x` is the number of one. */
export function foldDispatch(count: number, backend: WebGpuBackend): [number, number] {
  const most = backend.device.limits.maxComputeWorkgroupsPerDimension!;
  const folds = Math.ceil(count / most);
  return [Math.ceil(count / folds), folds];
}
