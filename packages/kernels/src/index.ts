export * from "./errors.js";
export {
  type KernelOptions,
  leaveKernelsAtBackend,
  removeKernelsFromBackend,
  type StoredKernels,
} from "./kernels.js";
export { canShareMemory } from "./pool/pool.js";
export { registerKernels } from "./weights/product-kernel.js";
