import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { BackendError } from "../errors.js";

/** Round a run of another program. */
export interface ToolRun {
  readonly folder: string;
  readonly signal?: AbortSignal | undefined;
  /** What the program writes, line by line. */
  readonly onLine?: ((line: string) => void) | undefined;
}

/** Lines of its output that an error repeats. */
const shownLines = 8;

/**
 * Runs a program to its end; resolves to its standard output.
 * @param missing what to do where the program is not installed
 * @throws BackendError `failed-setup`, with the end of what the program wrote
 */
export async function runTool(
  program: string,
  words: readonly string[],
  { folder, signal, onLine }: ToolRun,
  missing: string,
): Promise<string> {
  const child = spawn(program, words, { cwd: folder, signal, stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  const output: string[] = [];
  const listen = (stream: NodeJS.ReadableStream, kept?: string[]) =>
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      kept?.push(line);
      onLine?.(line);
    });
  listen(child.stdout, output);
  listen(child.stderr);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", (cause: NodeJS.ErrnoException) => reject(notStarted(program, cause, missing)));
    child.on("close", resolve);
  });
  if (code === 0) return output.join("\n");
  throw new BackendError(
    "failed-setup",
    `\`${program} ${words[0] === "-c" ? "-c …" : words.slice(0, 4).join(" ")}\` ended with status ${code}: ` +
      lines.slice(-shownLines).join(" / "),
  );
}

function notStarted(program: string, cause: NodeJS.ErrnoException, missing: string): unknown {
  if (cause.code !== "ENOENT") return cause;
  return new BackendError("failed-setup", `There is no ${program} here. ${missing}`, { cause });
}
