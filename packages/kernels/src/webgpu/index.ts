export { removeKernelsFromBackend } from "../at-backend.js";
export { leaveKernelsAtBackend, type PackedKernels } from "./kernels.js";
