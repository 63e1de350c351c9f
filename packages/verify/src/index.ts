export * from "./errors.js";
export * as oracles from "./oracles/index.js";
