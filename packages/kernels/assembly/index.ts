/** What the host and the threads call. */
export { decode } from "./decode";
export { play, serve, stop } from "./pool";
export { tellHalves } from "./codes";
export { bias, least, ln2, ln2Rest, log2e, most, one, p0, p1, p2, p3, p4, p5, whole } from "./exponential";
