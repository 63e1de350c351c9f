export * as arbitraries from "./arbitraries/index.js";
export * from "./errors.js";
export * from "./laws/index.js";
export * from "./mutants/index.js";
export * from "./optimisers/index.js";
export * as oracles from "./oracles/index.js";
export * from "./report/index.js";
export * from "./run/index.js";
export * from "./subject.js";
