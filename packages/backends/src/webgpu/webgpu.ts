/** WebGPU: the browser's own, or Dawn's in Node. */
import { leaveKernelsAtBackend, removeKernelsFromBackend } from "@amulet-ts/kernels/webgpu";
import * as tf from "@tensorflow/tfjs-core";
import type { BackendFacts, StartOptions } from "../backend.js";
import { BackendError } from "../errors.js";
import { memoryBytes, runsOnNode } from "../processor.js";
import { BoundedBuffers } from "./webgpu-buffers.js";
import type { Gpu, GpuAdapter, GpuAdapterInfo, WebGpuBackend } from "./webgpu-device.js";
import { putDirectivesFirst } from "./webgpu-directives.js";
import { refuseSynchronousReads, reportErrorsAtReads } from "./webgpu-errors.js";

export const registeredAs = "webgpu";

/** Asked for as large as the adapter has them; the defaults are far smaller. */
const limitNames = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxComputeWorkgroupSizeX",
  "maxComputeInvocationsPerWorkgroup",
];

/** Asked for where the adapter has them: TensorFlow.js' timer, and half precision for products. */
const halves = "shader-f16";
const features = ["timestamp-query", halves];

/** MatMulPackedProgram in tfjs-backend-webgpu; −1 lets it choose by shape. */
const packedMatMul = 3;

let adapterInfo: GpuAdapterInfo | undefined;

/**
 * TensorFlow.js makes the device by itself too, but says nothing when there is none, prints errors instead of throwing
 * them, and keeps every buffer; so it is made here.
 */
export async function load(): Promise<void> {
  if (adapterInfo) return;
  const gpu = await openGpu();
  const adapter = await requestAdapter(gpu);
  const backend = await withNavigator(gpu, () => makeBackend(adapter));
  if (tf.findBackendFactory(registeredAs) !== null) tf.removeBackend(registeredAs);
  tf.registerBackend(registeredAs, () => backend as unknown as tf.KernelBackend, 3);
  adapterInfo = adapter.info;
  // Of tfjs' ways to multiply, those that meet at barriers: 20 to 200 times slower than this where threads are played.
  if (isSoftware(adapter.info)) tf.env().set("WEBGPU_MATMUL_PROGRAM_TYPE", packedMatMul);
}

export async function inspect({ kernels = true, precision = "f32" }: StartOptions): Promise<BackendFacts> {
  const { device } = tf.backend() as unknown as WebGpuBackend;
  const software = isSoftware(adapterInfo!);
  const name = nameOf(adapterInfo!);
  if (precision === "f16" && !device.features.has(halves)) throw withoutHalves(name);
  if (kernels) leaveKernelsAtBackend({ precision });
  else removeKernelsFromBackend();
  const described = [
    `WebGPU on ${name}`,
    ...(software ? ["a processor that plays a graphics card: slow"] : []),
    ...(precision === "f16" ? ["products in f16"] : []),
  ];
  return {
    description: described.join(", "),
    memory: {
      // WebGPU does not say how much a card has; that it is full comes as an error at the next read.
      limitBytes: software && runsOnNode() ? await memoryBytes() : Number.POSITIVE_INFINITY,
      matrixCopies: 1,
      tensorLimitBytes: Math.min(device.limits.maxBufferSize!, device.limits.maxStorageBufferBindingSize!),
    },
    fastProducts: { stacks: true, turned: true },
    device: name,
    // It tells no version of its own, and asks for TensorFlow.js of just this one.
    version: `tfjs-backend-webgpu ${tf.version_core}`,
    threads: 0,
    isSoftware: software,
  };
}

/**
 * Whether the card that answers is a real one. Loads Dawn.
 * @throws BackendError `missing-backend` where none answers; what Dawn throws where it does not load
 */
export async function hasGraphicsCard(): Promise<boolean> {
  return !isSoftware((await requestAdapter(await openGpu())).info);
}

async function openGpu(): Promise<Gpu> {
  if (runsOnNode()) return (await import("./dawn.js")).openDawn();
  const gpu = (globalThis as { navigator?: { gpu?: Gpu } }).navigator?.gpu;
  if (gpu) return gpu;
  throw new BackendError(
    "missing-backend",
    'The backend "webgpu" needs a browser with WebGPU, over https or on localhost; this one shows none.',
  );
}

async function requestAdapter(gpu: Gpu): Promise<GpuAdapter> {
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter) return adapter;
  const driver =
    runsOnNode() && process.platform === "linux" ? " (on Linux, one for Vulkan and libvulkan1)" : "";
  throw new BackendError(
    "missing-backend",
    `The backend "webgpu" found no graphics card that it can use: install its driver${driver}, ` +
      "or take --backend wasm.",
  );
}

function withoutHalves(device: string): BackendError {
  return new BackendError(
    "unsupported-precision",
    `The precision f16 needs a device with WebGPU's feature ${halves}; ${device} does not have it. ` +
      "Leave the precision at f32, or look for a newer driver or browser.",
  );
}

async function makeBackend(adapter: GpuAdapter): Promise<WebGpuBackend> {
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
  const device = await adapter.requestDevice({
    requiredFeatures: features.filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(limitNames.map((name) => [name, adapter.limits[name]])),
  });
  putDirectivesFirst(device);
  const Backend = WebGPUBackend as unknown as new (...made: unknown[]) => WebGpuBackend;
  const backend = new Backend(device, adapter.info);
  backend.bufferManager = new BoundedBuffers(device);
  reportErrorsAtReads(backend);
  if (!("OffscreenCanvas" in globalThis)) refuseSynchronousReads(backend);
  return backend;
}

/** The backend looks for `navigator.gpu` when it is made; left there it would keep Node from ending. */
async function withNavigator<T>(gpu: Gpu, make: () => Promise<T>): Promise<T> {
  const scope = globalThis as { navigator?: { gpu?: Gpu } };
  if (scope.navigator?.gpu) return make();
  const own = scope.navigator === undefined;
  if (own) Object.defineProperty(scope, "navigator", { value: {}, configurable: true });
  Object.defineProperty(scope.navigator!, "gpu", { value: gpu, configurable: true });
  try {
    return await make();
  } finally {
    delete scope.navigator!.gpu;
    if (own) delete scope.navigator;
  }
}

/** Processors that play a graphics card: SwiftShader, Mesa's llvmpipe, Windows' basic renderer. */
export function isSoftware({
  isFallbackAdapter,
  vendor,
  architecture,
  device,
  description,
}: GpuAdapterInfo): boolean {
  const names = [vendor, architecture, device, description].join(" ");
  return isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|basic render/i.test(names);
}

function nameOf({ description, device, vendor, architecture }: GpuAdapterInfo): string {
  return description || [vendor, architecture || device].join(" ").trim() || "an unnamed graphics card";
}
