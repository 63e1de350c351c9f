/** What scripts/assemble.mjs makes of assembly/: WebAssembly in base64. */

/** For a memory that threads share. */
export const shared: string;
/** The same with relaxed SIMD. */
export const sharedRelaxed: string;
/** For a memory of one thread. */
export const unshared: string;
export const unsharedRelaxed: string;
/** A step's tail, for the memory of TensorFlow.js. */
export const policies: string;
export const policiesRelaxed: string;
