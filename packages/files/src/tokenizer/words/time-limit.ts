import { FilesError } from "../../errors.js";
import { reasonOf } from "../../places/system-errors.js";

/** For one text; a megabyte takes a hundredth. */
const mostSeconds = 5;

type Vm = typeof import("node:vm");

/**
 * Runs what a checkpoint's tokenizer asks for, which may have been made never to end. Node ends them after some seconds, or when the
 * user does (Ctrl-C); a page in a browser has a person who closes it, as Node before 20.16 has.
 *
 * @param what for the message: what takes so long
 * @throws FilesError `bad-tokenizer` when it is over, `file-unreadable` without file descriptors, and what `work` throws
 */
export function withinTime<T>(work: () => T, what: string, seconds = mostSeconds): T {
  const vm = nodeVm();
  if (!vm) return work();
  refuseWithoutHandles(what);
  runner ??= makeRunner(vm);
  try {
    return runner(work, seconds) as T;
  } catch (error) {
    throw explain(error, what, seconds);
  }
}

/** What one clock of Node's opens, and some to spare. */
const handlesOfAClock = 8;

/**
 * Node ends the whole process where its clock finds no file descriptor left.
 *
 * @throws FilesError `file-unreadable`
 */
function refuseWithoutHandles(what: string): void {
  const { closeSync, openSync } = process.getBuiltinModule("node:fs");
  const { devNull } = process.getBuiltinModule("node:os");
  const taken: number[] = [];
  try {
    while (taken.length < handlesOfAClock) taken.push(openSync(devNull, "r"));
  } catch (cause) {
    const message = `${what} can't be given a bound of time: ${reasonOf(cause)}. Close some, or allow more (ulimit -n).`;
    throw new FilesError("file-unreadable", message, { cause });
  } finally {
    for (const handle of taken) closeSync(handle);
  }
}

type Runner = (work: () => unknown, seconds: number) => unknown;

let runner: Runner | undefined;

/** Without an import, which a page could not resolve. */
function nodeVm(): Vm | undefined {
  return typeof process === "undefined" ? undefined : process.getBuiltinModule?.("node:vm");
}

/** What is called from a script with a time-out is stopped with it. */
function makeRunner(vm: Vm): Runner {
  const context = vm.createContext({ work: undefined });
  const script = new vm.Script("work()");
  return (work, seconds) => {
    context.work = work;
    try {
      return script.runInContext(context, { timeout: seconds * 1000, breakOnSigint: true });
    } finally {
      context.work = undefined;
    }
  };
}

function explain(error: unknown, what: string, seconds: number): unknown {
  // Not `instanceof Error`: it may be another context's.
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  if (code === "ERR_SCRIPT_EXECUTION_INTERRUPTED") passOnInterrupt();
  else if (code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") return error;
  return new FilesError(
    "bad-tokenizer",
    `${what} took more than ${seconds} seconds: stopped. The text is very long, or the file is damaged or made to do ` +
      "harm: shorten the text, or use another copy of the model.",
    { cause: error },
  );
}

/** The script kept the signal from those who listen for it. */
function passOnInterrupt(): void {
  if (!process.emit("SIGINT", "SIGINT")) process.kill(process.pid, "SIGINT");
}
