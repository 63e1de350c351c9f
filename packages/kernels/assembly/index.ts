/** What the host and the threads call. */
export { decode } from "./decode";
export { appendToken, gate, rmsNorm } from "./elementwise";
export { run, serve, stop } from "./pool";
export { prepareStates } from "./prepared-states";
export { tellHalves } from "./codes";
export { tiltMoments } from "./tilt";
