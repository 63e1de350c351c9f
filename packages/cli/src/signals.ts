/** SIGINT (Ctrl-C) and SIGTERM: a first one asks the command to end, a second one ends it, and no computation keeps them out. */
import { writeSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

const statuses = { SIGINT: 130, SIGTERM: 143 } as const;
type EndingSignal = keyof typeof statuses;
const names = Object.keys(statuses) as EndingSignal[];

/** How long a command may compute on before a signal ends it although it has not been heard. */
const patienceMs = 3000;

/** Node 24 and later keep what hears signals to themselves, but for threads that say that they test Node. */
const internals = Number.parseInt(process.versions.node, 10) >= 24;

const script = fileURLToPath(new URL("../bin/signal-watch.cjs", import.meta.url));

export interface Signals {
  /** Aborted by the first one. */
  readonly aborted: AbortSignal;
  /** What the command ends with where it was interrupted: 130 by Ctrl-C, 143 by SIGTERM. */
  status(): 130 | 143;
  /** For work whose single steps are long, and whose end saves what was done: a signal waits so long to be heard. */
  waitFor(seconds: number): void;
  /** Where a terminal's cursor is hidden, its file descriptor: whatever ends the process shows it. Undefined when it is shown. */
  showCursorAtEnd(fd: number | undefined): void;
}

/**
 * Hears them for this process, by its own handlers at first, and by a thread's as soon as that runs: Node calls handlers
 * between two turns of the event loop, which in a loop of a template or a word of a megabyte never come.
 */
export function hearSignals(): Signals {
  const interrupt = new AbortController();
  const [noticed, patience, hidden] = [0, 1, 2];
  const shared = new Int32Array(new SharedArrayBuffer(12));
  shared[patience] = patienceMs;
  let status: 130 | 143 = statuses.SIGINT;
  const take = (name: EndingSignal) => {
    Atomics.add(shared, noticed, 1);
    if (interrupt.signal.aborted) process.exit(statuses[name]);
    status = statuses[name];
    interrupt.abort();
  };
  for (const name of names) process.on(name, take);
  const numbers = names.map((name) => constants.signals[name]);
  const watch = startWatch({ shared: shared.buffer, numbers, internals });
  watch?.on("message", (message: number | "ready") => {
    if (message === "ready") for (const name of names) process.off(name, take);
    else take(names[numbers.indexOf(message)]!);
  });
  // After its listeners, which would hold the process.
  watch?.unref();
  const showCursor = () => writeAtOnce(shared[hidden]!, "\x1b[?25h");
  return {
    aborted: interrupt.signal,
    status: () => status,
    waitFor: (seconds) => void Atomics.store(shared, patience, 1000 * seconds),
    showCursorAtEnd(fd) {
      process.off("exit", showCursor);
      if (fd !== undefined) process.once("exit", showCursor);
      Atomics.store(shared, hidden, fd ?? 0);
    },
  };
}

/** What a stream still holds is lost when the process ends; a terminal that is gone needs nothing. */
function writeAtOnce(fd: number, text: string): void {
  try {
    writeSync(fd, text);
  } catch {
    // Nobody sees it.
  }
}

/** What can't start has nothing to say, then or later: the handlers stay. */
function startWatch(workerData: object): Worker | undefined {
  try {
    const execArgv = internals ? ["--expose-internals"] : [];
    return new Worker(script, { workerData, execArgv }).on("error", () => {});
  } catch {
    return undefined;
  }
}
