/** The world as the command sees it, so that tests can give it another one. */
import { writeSync } from "node:fs";
import { text } from "node:stream/consumers";
import { reasonOf } from "@amulet-ts/files";
import { printableLine } from "./terminal/printable.js";

export interface TextOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Width and height of the terminal, in cells; they change when its window does. */
  readonly columns?: number;
  readonly rows?: number;
}

export interface Io {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C, or by whoever ends the process. */
  readonly signal: AbortSignal;
  /** All of standard input. */
  readInput(): Promise<string>;
}

/** The process's own streams. A first SIGINT (Ctrl-C) or SIGTERM asks the command to end, a second one ends it. */
export function processIo(): Io {
  const interrupt = new AbortController();
  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.on(signal, () => {
      if (interrupt.signal.aborted) process.exit(status);
      interrupt.abort();
    });
  }
  process.stdout.on("error", (error) => endWith(error, "standard output"));
  process.stderr.on("error", (error) => endWith(error, "standard error"));
  const { stdout, stderr, env } = process;
  return { stdout, stderr, environment: env, signal: interrupt.signal, readInput: () => text(process.stdin) };
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
