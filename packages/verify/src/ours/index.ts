/** Our own code as the laws judge it. The one part of this package that imports what is judged; nothing here does so with it. */
export { coreSubject } from "./core-subject.js";
export { modelsSubject } from "./models-subject.js";
