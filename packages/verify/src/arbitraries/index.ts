export * from "./models.js";
export * from "./parameters.js";
export * from "./rows.js";
export * from "./steps.js";
