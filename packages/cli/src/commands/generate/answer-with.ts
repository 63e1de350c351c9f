/** One answer, by whichever decoding was asked for. */
import {
  type AnswerOptions,
  type AnswerPiece,
  answerPrompts,
  beamSearch,
  type ChatModel,
} from "@amulet-ts/core";
import { usageError } from "../../errors.js";
import type { TokenPrompts } from "../../options/prompts.js";
import type { GenerateValues } from "./command.js";
import type { Decoding } from "./decoding.js";

/** @throws CliError `usage`, CoreError */
export function answerWith(
  model: ChatModel,
  prompts: TokenPrompts,
  decoding: Decoding,
  options: AnswerOptions,
  values: GenerateValues,
): AsyncGenerator<AnswerPiece, void, void> {
  if (decoding.name === "beam") return searchAnswer(model, prompts, options, values);
  const { method, beforeToken } = decoding;
  return answerPrompts(model, prompts, [method], { ...options, ...(beforeToken && { beforeToken }) });
}

/** A search knows its answer only at its end: one piece with all of it. */
async function* searchAnswer(
  model: ChatModel,
  { preferences }: TokenPrompts,
  { maxNewTokens = 128, signal, onProgress }: AnswerOptions,
  { beams, "length-penalty": lengthPenalty }: GenerateValues,
): AsyncGenerator<AnswerPiece, void, void> {
  const [only, second] = preferences;
  if (second || only!.weight !== 1) {
    throw usageError("--method beam reads one preference prompt: give one --preference and no --weight.");
  }
  const { ids, finishReason } = await beamSearch(model, only!.tokens, {
    maxNewTokens,
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
    ...(beams !== undefined && { beams }),
    ...(lengthPenalty !== undefined && { lengthPenalty }),
  });
  const stream = model.textStream();
  const text = ids.map((id) => stream.push(id)).join("") + stream.flush();
  yield { index: 0, text, answer: { text, ids, finishReason } };
}
