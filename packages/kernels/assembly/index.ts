/** What the host and the threads call. */
export { decode } from "./decode";
export { activate, addTo, appendToken } from "./elementwise";
export { layerNorm, rmsNorm } from "./norms";
export { run, serve, stop } from "./pool";
export { prepareStates } from "./prepared-states";
export { tellHalves } from "./codes";
