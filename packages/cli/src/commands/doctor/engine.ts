/** `amulet doctor --engine`: one engine, asked a question and timed. */
import { answerPrompts, boundedMethod, type Engine, renderPrompts } from "@amulet-ts/core";
import type { Io } from "../../io.js";
import { openModel } from "../../options/model.js";
import { formatNumber } from "../../terminal/output.js";
import { layOutTable } from "../../terminal/table.js";
import { Stopwatch } from "../../timing.js";
import type { DoctorValues } from "./command.js";

const question = "How do I make a cup of tea?";
const preference = "Your answer should be concise.";
const newTokens = 8;

/** What became of it. */
export type EngineExamination =
  | {
      readonly engine: string;
      readonly state: "runs";
      readonly model: string;
      /** What computes, and its version. */
      readonly description: string;
      readonly version: string;
      /** `whole`, or the most probable tokens only. */
      readonly coverage: "whole" | "top";
      /** The least that came of both policies; 1 where all of them did. */
      readonly leastSeen: number;
      readonly vocabularySize: number;
      readonly contextLength: number;
      readonly promptTokensPerSecond: number;
      readonly tokensPerSecond: number;
    }
  | { readonly engine: string; readonly state: "fails"; readonly why: string };

/** Answers by bounded Amulet, which every engine can be asked for. What fails is told; an interruption is thrown. */
export async function examineEngine(values: DoctorValues, io: Io): Promise<EngineExamination> {
  const { gpu: _, ...engineValues } = values;
  const engine = values.engine!;
  try {
    await using opened = await openModel(engineValues, io);
    return await measureEngine(engine, opened, io.signal);
  } catch (error) {
    io.signal.throwIfAborted();
    return { engine, state: "fails", why: error instanceof Error ? error.message : String(error) };
  }
}

async function measureEngine(
  name: string,
  { model, backend, loadMs }: Engine,
  signal: AbortSignal,
): Promise<EngineExamination> {
  const { base, preferences } = renderPrompts(model, { question, preference });
  const stopwatch = new Stopwatch(loadMs);
  let leastSeen = 1;
  const method = boundedMethod();
  const options = { maxNewTokens: newTokens, signal };
  for await (const { id, seen } of answerPrompts(model, { base, preferences }, [method], options)) {
    stopwatch.note(0, id !== undefined);
    if (seen) leastSeen = Math.min(leastSeen, seen.base, seen.preference);
  }
  const { prefillMs, tokensPerSecond } = stopwatch.timing;
  const promptTokens = [base, ...preferences.map(({ tokens }) => tokens)].flat().length;
  return {
    engine: name,
    state: "runs",
    model: model.name,
    description: backend.description,
    version: backend.version,
    coverage: model.coverage,
    leastSeen,
    vocabularySize: model.vocabularySize,
    contextLength: model.contextLength,
    promptTokensPerSecond: (1000 * promptTokens) / prefillMs,
    tokensPerSecond,
  };
}

export function formatExamination(examined: EngineExamination): string[] {
  if (examined.state === "fails") return [`${examined.engine} fails: ${examined.why}`];
  const { coverage, leastSeen, vocabularySize, contextLength } = examined;
  const head = ["ENGINE", "STATE", "MODEL", "GIVES", "PROMPT TOKENS/S", "TOKENS/S", "CONTEXT", "VERSION"];
  const given =
    coverage === "whole"
      ? `all ${vocabularySize} tokens`
      : `the best of ${vocabularySize} tokens, ${formatNumber(100 * leastSeen)} % at least`;
  const row = [
    examined.engine,
    examined.state,
    examined.model,
    given,
    formatNumber(examined.promptTokensPerSecond),
    formatNumber(examined.tokensPerSecond),
    String(contextLength),
    examined.version,
  ];
  return [
    ...layOutTable([head, row], [4, 5, 6]),
    "",
    coverage === "whole"
      ? "Every method runs."
      : "base, pref and bounded Amulet run; others under a mask (--min-p-mask, --plausibility) that keeps few tokens.",
  ];
}
