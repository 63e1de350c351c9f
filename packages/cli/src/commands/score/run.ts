/** `amulet score`: how probable given answers are under each method; the lowest perplexity is the method's favourite. */
import { type AnswerScore, type Engine, scoreAnswer, type TokenRow } from "@amulet-ts/core";
import type { Invocation } from "../../command.js";
import { usageError } from "../../errors.js";
import type { Io } from "../../io.js";
import { withProgress } from "../../options/answering.js";
import { comparedMethods } from "../../options/methods.js";
import { openModel } from "../../options/model.js";
import { describePreferences, readAsked, renderPrompts } from "../../options/prompts.js";
import { colorsFor } from "../../terminal/colors.js";
import { formatNumber, writeJson, writeLines, writeNote } from "../../terminal/output.js";
import { printable } from "../../terminal/printable.js";
import type { ScoreValues } from "./command.js";

interface ScoredAnswer {
  readonly text: string;
  readonly ids: TokenRow;
  readonly scores: readonly AnswerScore[];
}

export async function run(invocation: Invocation<ScoreValues>): Promise<void> {
  const { values, io } = invocation;
  const { answer: texts } = values;
  if (texts === undefined)
    throw usageError('--answer is missing: give a text to score, such as --answer "Boil water."');
  const methods = comparedMethods(values).map(({ method }) => method);
  const asked = await readAsked(invocation, "both");
  await using engine = await openModel(values, io);
  const { model, backend } = engine;
  const read = renderPrompts(model, asked);
  writeNote(io, read.note);
  const [only, ...others] = read.prompts.preferences;
  if (!only || others.length > 0 || only.weight !== 1) {
    throw usageError("score reads one preference, without a weight.");
  }
  const prompts = { base: read.prompts.base, preference: only.tokens };
  const answers: ScoredAnswer[] = [];
  for (const text of texts) {
    const ids = encodeAnswer(engine, text);
    answers.push({
      text,
      ids,
      scores: await scoreAnswer(model, prompts, ids, methods, withProgress({}, io)),
    });
  }
  if (!values.json)
    return writeLines(
      io,
      answers.flatMap((scored) => formatScores(scored, io)),
    );
  writeJson(io, { answers, ...describePreferences(asked), model: model.name, backend: backend.name });
}

/** With its end: an answer that could go on is another one. */
function encodeAnswer({ model, tokenizer }: Engine, text: string): TokenRow {
  const ids = tokenizer.encode(text);
  if (ids.length === 0) throw usageError("An --answer is empty: give a text to score.");
  return [...ids, ...[...model.endTokens].slice(0, 1)];
}

function formatScores({ text, ids, scores }: ScoredAnswer, io: Io): string[] {
  const { bold, dim } = colorsFor(io.stdout, io.environment);
  const rows = scores.map(({ method, total, perplexity }) =>
    [method.padEnd(9), formatNumber(total).padStart(10), formatNumber(perplexity).padStart(12)].join("  "),
  );
  const head = ["method".padEnd(9), "log p, nats".padStart(10), "perplexity".padStart(11)].join("  ");
  return [bold(printable(text)), dim(`${ids.length} tokens, the end included`), dim(head), ...rows, ""];
}
