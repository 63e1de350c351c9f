/** The parts of WebGPU and of TensorFlow.js' backend for it that this package touches. */

export interface GpuAdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** Newer than the rest of WebGPU, so not everywhere. */
  readonly isFallbackAdapter?: boolean;
}

export interface GpuAdapter {
  readonly info: GpuAdapterInfo;
  readonly limits: Readonly<Record<string, number>>;
  readonly features: { has(name: string): boolean };
  requestDevice(descriptor: object): Promise<GpuDevice>;
}

export interface Gpu {
  requestAdapter(options: { readonly powerPreference: string }): Promise<GpuAdapter | null>;
}

export interface GpuBuffer {
  readonly size: number;
  readonly usage: number;
  destroy(): void;
}

export type ErrorScope = "validation" | "out-of-memory" | "internal";

export interface GpuDevice {
  readonly limits: Readonly<Record<string, number>>;
  readonly features: { has(name: string): boolean };
  readonly lost: Promise<{ readonly reason?: string; readonly message: string }>;
  onuncapturederror: ((event: GpuErrorEvent) => void) | null;
  pushErrorScope(scope: ErrorScope): void;
  popErrorScope(): Promise<{ readonly message: string } | null>;
  createBuffer(descriptor: object): GpuBuffer;
  createShaderModule(descriptor: ShaderDescriptor): object;
}

export interface ShaderDescriptor {
  readonly code: string;
  readonly label?: string;
}

export interface GpuErrorEvent {
  readonly error: { readonly message: string };
  preventDefault(): void;
}

/** TensorFlow.js' backend. */
export interface WebGpuBackend {
  readonly device: GpuDevice;
  bufferManager: BufferStore;
  read(dataId: object): Promise<unknown>;
  readSync(dataId: object): unknown;
  readonly tensorMap: { get(dataId: object): { readonly values?: unknown; readonly dtype: string } };
}

/** What the backend asks of its manager of buffers. */
export interface BufferStore {
  /** Bytes of the buffers that tensors lie in, and with those kept for reuse. */
  readonly numBytesUsed: number;
  readonly numBytesAllocated: number;
  acquireBuffer(size: number, usage: number, mappedAtCreation?: boolean, reuse?: boolean): GpuBuffer;
  releaseBuffer(buffer: GpuBuffer, reuse?: boolean): void;
  getNumUsedBuffers(): number;
  getNumFreeBuffers(): number;
  dispose(): void;
}
