export { removeKernelsFromBackend } from "./at-backend.js";
export * from "./errors.js";
export { registerKernels } from "./fused/tensors.js";
export {
  type KernelOptions,
  leaveKernelsAtBackend,
  type StoredKernels,
} from "./kernels.js";
export { canShareMemory } from "./pool/pool.js";
