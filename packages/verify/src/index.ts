export * from "./errors.js";
export * from "./optimisers/index.js";
export * as oracles from "./oracles/index.js";
