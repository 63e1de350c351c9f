/** `amulet generate`: one answer. */
import type { Answer, Engine, Explanation, SeenMass } from "@amulet-ts/core";
import type { Invocation } from "../../command.js";
import type { Io } from "../../io.js";
import { readAnswerOptions, withProgress } from "../../options/answering.js";
import { readBudget } from "../../options/methods.js";
import { openModel } from "../../options/model.js";
import {
  type Asked,
  countTokens,
  describePreferences,
  type ReadPrompts,
  readAsked,
} from "../../options/prompts.js";
import {
  formatCount,
  formatNumber,
  writeFacts,
  writeJson,
  writeLines,
  writeNote,
  writeText,
} from "../../terminal/output.js";
import { Stopwatch } from "../../timing.js";
import { answerWith } from "./answer-with.js";
import type { GenerateValues } from "./command.js";
import { type Decoding, readDecoding } from "./decoding.js";
import { chooseAnswerer, openDeltaModel } from "./delta-model.js";
import { formatExplanations, formatProbability } from "./explanation.js";

export async function run(invocation: Invocation<GenerateValues>): Promise<void> {
  const { values, io } = invocation;
  const decoding = readDecoding(values);
  const options = { ...withProgress(readAnswerOptions(values), io), explain: values.explain ?? false };
  const asked = await readAsked(invocation, values.explain ? "both" : decoding.method.reads);
  await using engine = await openModel(values, io);
  await using deltaEngine = await openDeltaModel(values, io);
  const { model, read } = chooseAnswerer(engine, deltaEngine, asked);
  writeNote(io, read.note);
  const stopwatch = new Stopwatch(engine.loadMs + (deltaEngine?.loadMs ?? 0));
  const pieces = answerWith(model, read.prompts, decoding, options, values);
  const shown = new ShownText(io, !values.json && !values.explain);
  let answer: Answer | undefined;
  const seen: SeenMass[] = [];
  try {
    for await (const piece of pieces) {
      stopwatch.note(0, piece.id !== undefined);
      shown.add(piece.text);
      if (piece.seen) seen.push(piece.seen);
      answer = piece.answer;
    }
  } finally {
    shown.end();
  }
  const result = { values, asked, answer: answer!, decoding, engine, deltaEngine, read, stopwatch, seen };
  if (values.json) return writeJson(io, describe(result));
  if (values.explain) writeLines(io, formatExplanations(answer!.explanations!, textsOf(result), io));
  writeFacts(io, listFacts(result));
}

interface Result extends Pick<Invocation<GenerateValues>, "values"> {
  readonly asked: Asked;
  readonly answer: Answer;
  readonly decoding: Decoding;
  readonly engine: Engine;
  readonly deltaEngine: Engine | undefined;
  readonly read: ReadPrompts;
  readonly stopwatch: Stopwatch;
  /** Of each token, where the engine gives only the most probable ones. */
  readonly seen: readonly SeenMass[];
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
    writeText(this.io, text);
  }

  /** Ends the line that was begun. */
  end(): void {
    if (this.isOpen) writeText(this.io, "\n");
  }
}

/** The text of each token of the answer, as it streams; a token that completes no character has none. */
function textsOf({ answer, engine }: Result): string[] {
  const stream = engine.model.textStream();
  return answer.ids.map((id) => stream.push(id));
}

function describe(result: Result) {
  const { values, asked, answer, decoding, engine, deltaEngine, read, stopwatch, seen } = result;
  const { name, method, beforeToken } = decoding;
  return {
    text: answer.text,
    ids: answer.ids,
    finishReason: answer.finishReason,
    method: beforeToken ? name : method.name,
    guidanceScale: beforeToken ? null : (method.guidanceScale ?? null),
    ...(beforeToken && { strengthSchedule: values["strength-schedule"] }),
    ...(name === "bounded" && { klBudget: readBudget(values) }),
    ...describePreferences(asked),
    ...(answer.explanations && { tokens: withTexts(answer.explanations, textsOf(result)) }),
    ...(seen.length > 0 && { seen }),
    promptTokens: countTokens(read),
    model: engine.model.name,
    ...(deltaEngine && { deltaModel: deltaEngine.model.name }),
    backend: engine.backend.name,
    timing: stopwatch.timing,
  };
}

function withTexts(explanations: readonly Explanation[], texts: readonly string[]) {
  return explanations.map((explanation, i) => ({ text: texts[i], ...explanation }));
}

function listFacts(result: Result): string[] {
  const { values, answer, decoding, engine, deltaEngine, read, stopwatch, seen } = result;
  const { base, preference } = countTokens(read);
  const { name, method, beforeToken } = decoding;
  const { tokensPerSecond, loadMs } = stopwatch.timing;
  const isOne = method.guidanceScale !== undefined && !beforeToken;
  const scale = isOne ? ` x = ${formatNumber(method.guidanceScale)}` : "";
  const schedule = beforeToken ? ` x = ${values["strength-schedule"]}` : "";
  return [
    [engine.model.name, ...(deltaEngine ? [deltaEngine.model.name] : [])].join(" + Δ of "),
    engine.backend.name,
    `${beforeToken ? name : method.name}${scale}${schedule}`,
    `${base} + ${preference} prompt tokens`,
    `${formatCount(answer.ids.length, "token")}, ${formatNumber(tokensPerSecond)} a second`,
    `loaded in ${(loadMs / 1000).toFixed(1)} s`,
    ...(seen.length > 0 ? [describeSeen(seen)] : []),
    ...(answer.finishReason === "length" ? ["cut at the longest length"] : []),
  ];
}

/** How much of both policies came with the tokens: with the one of which the least came, and on average. */
function describeSeen(seen: readonly SeenMass[]): string {
  const masses = seen.map(({ base, preference }) => Math.min(base, preference));
  const mean = masses.reduce((sum, mass) => sum + mass, 0) / masses.length;
  return `${formatProbability(mean)} of the policies seen, ${formatProbability(Math.min(...masses))} at least`;
}
