export * from "./choose.js";
export * from "./decode.js";
export * from "./errors.js";
export * from "./method.js";
export * from "./policy.js";
export { checkPrompt, type PrefillOptions, type PrefillProgress, prefill } from "./prefill.js";
export * from "./random.js";
export * from "./session.js";
export * from "./strength.js";
