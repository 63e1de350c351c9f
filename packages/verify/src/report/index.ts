export * from "./catalogue.js";
export { writeReport } from "./markdown.js";
export { lawSources } from "./sources.js";
export * from "./verification.js";
