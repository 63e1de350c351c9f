export { listBreaches, type ReportedBreach } from "./breaches.js";
export * from "./catalogue.js";
export { joinVerifications } from "./join.js";
export { writeReport } from "./markdown.js";
export { readVerification } from "./read.js";
export { lawSources } from "./sources.js";
export * from "./verification.js";
