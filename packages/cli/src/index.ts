export { CliError, type CliErrorCode } from "./errors.js";
export type { Io, TextOutput } from "./io.js";
export { type ExitStatus, main, processIo } from "./main.js";
