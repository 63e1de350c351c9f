export * from "./bootstrap.js";
export { quantileOfSorted } from "./quantile.js";
