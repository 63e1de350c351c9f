import { type ExitStatus, type Io, main } from "@amulet-ts/cli";
import { fixture } from "../reference/fixture.js";

export interface Surroundings {
  readonly input?: string;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  readonly environment?: Readonly<Record<string, string>>;
  /** Sees every write to standard output, for instance to interrupt after one. */
  readonly onWrite?: (text: string, interrupt: () => void) => void;
  /** The same for standard error. */
  readonly onNote?: (text: string, interrupt: () => void) => void;
}

export interface Outcome {
  readonly status: ExitStatus;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in this process, in made-up surroundings. */
export async function amulet(words: readonly string[], around: Surroundings = {}): Promise<Outcome> {
  const written = { stdout: "", stderr: "" };
  const interrupt = new AbortController();
  const { isTTY = false, columns = 80, rows = 24 } = around;
  const output = (name: "stdout" | "stderr") => ({
    isTTY,
    columns,
    rows,
    write(text: string) {
      written[name] += text;
      const watch = name === "stdout" ? around.onWrite : around.onNote;
      watch?.(text, () => interrupt.abort());
    },
  });
  const io: Io = {
    stdout: output("stdout"),
    stderr: output("stderr"),
    environment: around.environment ?? {},
    signal: interrupt.signal,
    readInput: async () => around.input ?? "",
  };
  const status = await main(words, io);
  return { status, ...written };
}

/** A Llama of 110,000 random weights as one file. */
export const tinyModel = fixture("formats/llama-gqa-tied.f32.gguf");
