/** The world as the command sees it, so that tests can give it another one. */
import { text } from "node:stream/consumers";

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
  for (const stream of [process.stdout, process.stderr]) stream.on("error", endQuietly);
  const { stdout, stderr, env } = process;
  return { stdout, stderr, environment: env, signal: interrupt.signal, readInput: () => text(process.stdin) };
}

/** Whoever read the output has gone (`amulet … | head`): nothing is left to do. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
}
