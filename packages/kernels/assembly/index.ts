/** What the host and the threads call. */
export { decode } from "./decode";
export { run, serve, stop } from "./pool";
