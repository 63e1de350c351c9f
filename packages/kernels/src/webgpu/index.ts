export { removeKernelsFromBackend } from "../at-backend.js";
export { leaveKernelsAtBackend, type PackedKernelOptions, type PackedKernels } from "./kernels.js";
export type { Precision } from "./wgsl/precision.js";
