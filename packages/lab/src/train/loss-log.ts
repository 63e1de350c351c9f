/** losses.jsonl: one line for every step, `validation` where it was measured. */
import { appendText, readBytesIfThere, writeAtomically } from "@amulet-ts/files";
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
    await appendText(this.path, `${JSON.stringify(line)}\n`);
  }

  async read(): Promise<LoggedStep[]> {
    const text = new TextDecoder().decode(await readBytesIfThere(this.path));
    const lines = text.split("\n").filter((line) => line.endsWith("}"));
    return lines.map((line): LoggedStep => JSON.parse(line));
  }
}
