export * from "./parameters.js";
export * from "./rows.js";
