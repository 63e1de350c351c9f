/** What the host and the threads call. */
export { decode } from "./decode";
export { play, serve, stop } from "./pool";
export { tellHalves } from "./codes";
export { least, log2e, most, one, p1, p2, p3, p4, p5, p6, whole } from "./exponential";
