export * from "./errors.js";
export { registerKernels } from "./fused/tensors.js";
export {
  type KernelOptions,
  leaveKernelsAtBackend,
  removeKernelsFromBackend,
  type StoredKernels,
} from "./kernels.js";
export { canShareMemory } from "./pool/pool.js";
