/** The world as the command sees it, so that tests can give it another one. */
import { writeSync } from "node:fs";
import { addAbortSignal, type Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { decodeText, reasonOf } from "@amulet-ts/files";
import { CliError } from "./errors.js";
import { hearSignals, type Signals } from "./signals.js";
import { printableLine } from "./terminal/printable.js";

export interface TextOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Width and height of the terminal, in cells; they change when its window does. */
  readonly columns?: number;
  readonly rows?: number;
  /** Told when the cursor is hidden and when it is shown again: should the process end in between, it is shown then. */
  cursorHides?(isHidden: boolean): void;
}

export interface Io {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C, or by whoever ends the process. */
  readonly signal: AbortSignal;
  /** With what it ends then: 130 after Ctrl-C, which is the default, 143 after SIGTERM. */
  interruptedStatus?(): 130 | 143;
  /** For a command that saves what it did when it is asked to end: it is not ended in the middle of a long step. */
  allowLongSteps?(): void;
  /** All of standard input. @throws CliError `unreadable-input` where it is not UTF-8; what the signal ends it with */
  readInput(): Promise<string>;
}

/** The process's own streams and signals. */
export function processIo(): Io {
  const { aborted: signal, status, waitFor, showCursorAtEnd } = hearSignals();
  return {
    stdout: outputTo(process.stdout, "standard output", showCursorAtEnd),
    stderr: outputTo(process.stderr, "standard error", showCursorAtEnd),
    environment: process.env,
    signal,
    interruptedStatus: status,
    allowLongSteps: () => waitFor(60),
    readInput: () => readAll(process.stdin, signal),
  };
}

/** A terminal or a pipe may give nothing for ever: the signal closes the stream, which ends the reading. */
async function readAll(stream: Readable, signal: AbortSignal): Promise<string> {
  const bytes = await buffer(addAbortSignal(signal, stream));
  try {
    return decodeText(bytes, "Standard input");
  } catch (cause) {
    throw new CliError("unreadable-input", (cause as Error).message, { cause });
  }
}

/** A stream that ends the process when it fails: it tells its listeners, or throws where it is a file on an early Node 20. */
function outputTo(
  stream: NodeJS.WriteStream & { readonly fd: number },
  name: string,
  showCursorAtEnd: Signals["showCursorAtEnd"],
): TextOutput {
  const end = (error: NodeJS.ErrnoException) => endWith(error, name);
  stream.on("error", end);
  return {
    write(text) {
      try {
        return stream.write(text);
      } catch (error) {
        return end(error as NodeJS.ErrnoException);
      }
    },
    cursorHides: (isHidden) => showCursorAtEnd(isHidden ? stream.fd : undefined),
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
    get rows() {
      return stream.rows;
    },
  };
}

/** An output takes no more. Where whoever read it has gone (`amulet … | head`), nothing is left to do or to say. */
function endWith(error: NodeJS.ErrnoException, name: string): never {
  if (error.code === "EPIPE") process.exit(0);
  const why = reasonOf(error);
  try {
    // At once: what a stream still holds is lost when the process ends.
    writeSync(
      2,
      `amulet: ${name} can't be written: ${printableLine(why)}. What came out so far is not whole.\n`,
    );
  } catch {
    // Standard error takes nothing either.
  }
  process.exit(1);
}
