/** `amulet generate`: one answer. */
import { type Answer, answerPrompts, type Method } from "@amulet-ts/core";
import { readAnswerOptions, withProgress } from "../answer-options.js";
import type { Invocation } from "../command.js";
import type { Io } from "../io.js";
import { readMethod } from "../methods.js";
import { type OpenModel, openModel } from "../open-model.js";
import { breathe, formatCount, formatNumber, writeFacts, writeJson, writeNote } from "../output.js";
import { type ReadPrompts, readAsked, renderPrompts } from "../prompts.js";
import { printable } from "../terminal/printable.js";
import { Stopwatch } from "../timing.js";

export async function run(invocation: Invocation): Promise<void> {
  const { values, io } = invocation;
  const method = readMethod(values);
  const options = withProgress(readAnswerOptions(values), io);
  const asked = await readAsked(invocation, method.reads);
  const opened = await openModel(values, io);
  using model = opened.model;
  const read = renderPrompts(model, asked);
  writeNote(io, read.note);
  const stopwatch = new Stopwatch(opened.loadMs);
  const pieces = answerPrompts(model, read.prompts, [method], options);
  const shown = new ShownText(io, values.json !== true);
  let answer: Answer | undefined;
  try {
    for await (const piece of pieces) {
      stopwatch.note(0, piece.id !== undefined);
      shown.add(piece.text);
      answer = piece.answer;
      await breathe();
    }
  } finally {
    shown.end();
  }
  const result = { answer: answer!, method, opened, read, stopwatch };
  if (values.json) writeJson(io, describe(result));
  else writeFacts(io, listFacts(result));
}

interface Result {
  readonly answer: Answer;
  readonly method: Method;
  readonly opened: OpenModel;
  readonly read: ReadPrompts;
  readonly stopwatch: Stopwatch;
}

/** The answer on standard output, as it grows. A pipe gets every character that the model gave, a terminal only text. */
class ShownText {
  private isOpen = false;

  constructor(
    private readonly io: Io,
    private readonly shows: boolean,
  ) {}

  add(text: string): void {
    if (!this.shows || text === "") return;
    this.isOpen = true;
    this.io.stdout.write(this.io.stdout.isTTY ? printable(text) : text);
  }

  /** Ends the line that was begun. */
  end(): void {
    if (this.isOpen) this.io.stdout.write("\n");
  }
}

function describe({ answer, method, opened, read, stopwatch }: Result) {
  return {
    text: answer.text,
    ids: answer.ids,
    finishReason: answer.finishReason,
    method: method.name,
    guidanceScale: method.guidanceScale ?? null,
    promptTokens: { base: read.prompts.base.length, preference: read.prompts.preference.length },
    model: opened.model.name,
    backend: opened.backend.name,
    timing: stopwatch.timing,
  };
}

function listFacts({ answer, method, opened, read, stopwatch }: Result): string[] {
  const { base, preference } = read.prompts;
  const { tokensPerSecond, loadMs } = stopwatch.timing;
  const scale = method.guidanceScale === undefined ? "" : ` x = ${formatNumber(method.guidanceScale)}`;
  return [
    opened.model.name,
    opened.backend.name,
    `${method.name}${scale}`,
    `${base.length} + ${preference.length} prompt tokens`,
    `${formatCount(answer.ids.length, "token")}, ${formatNumber(tokensPerSecond)} a second`,
    `loaded in ${(loadMs / 1000).toFixed(1)} s`,
    ...(answer.finishReason === "length" ? ["cut at the longest length"] : []),
  ];
}
