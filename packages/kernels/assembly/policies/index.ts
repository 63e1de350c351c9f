/**
 * A step's tail over rows of the vocabulary, in the memory of TensorFlow.js itself: nothing here may lie at an address of its
 * own. Rows are float32, of any length at any address of four bytes.
 */
export { extrapolateTo, indexOf, largestOf, normaliseTo, sumExponentials } from "./rows";
export { first, second, tiltMoments, zeroth } from "./tilt";
export { least, log2e, most, one, p1, p2, p3, p4, p5, p6, whole } from "../exponential";
