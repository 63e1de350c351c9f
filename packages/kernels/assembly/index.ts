/** What the host and the threads call. */
export { decode } from "./decode";
export { play, serve, stop } from "./pool";
export { tellHalves } from "./codes";
