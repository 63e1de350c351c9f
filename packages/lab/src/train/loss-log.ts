/** losses.jsonl: one line for every step, `validation` where it was measured. */
import { appendFile, readFile } from "node:fs/promises";
import { writeAtomically } from "@amulet-ts/files";
import type { StepReport } from "./trainer.js";

export interface LoggedStep extends StepReport {
  /** Mean cross-entropy of the validation set after the step. */
  readonly validation?: number;
}

export class LossLog {
  constructor(private readonly path: string) {}

  /** Drops what a run that was stopped had logged after its last checkpoint. */
  async keepUntil(stepsDone: number): Promise<void> {
    const kept = (await this.read()).filter(({ step }) => step <= stepsDone);
    await writeAtomically(this.path, kept.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }

  async add(line: LoggedStep): Promise<void> {
    await appendFile(this.path, `${JSON.stringify(line)}\n`);
  }

  async read(): Promise<LoggedStep[]> {
    const text = await readFile(this.path, "utf8").catch(emptyIfAbsent);
    const lines = text.split("\n").filter((line) => line.endsWith("}"));
    return lines.map((line): LoggedStep => JSON.parse(line));
  }
}

/** Any other error is one: an unreadable log must not be taken for an empty one and written over. */
function emptyIfAbsent(error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT") return "";
  throw error;
}
