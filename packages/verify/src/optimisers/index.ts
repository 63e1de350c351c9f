export * from "./autodiff.js";
export * from "./convergence.js";
export * from "./dual-newton.js";
export * from "./mirror-ascent.js";
export * from "./projected-gradient.js";
export * from "./subjects.js";
