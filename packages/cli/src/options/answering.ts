import type { AnswerOptions, SamplingOptions } from "@amulet-ts/core";
import { usageError } from "../errors.js";
import type { Io } from "../io.js";
import { Progress } from "../terminal/progress.js";
import { type AnswerValues, defaultMaxNewTokens } from "./shared.js";

/** Which option of the command line sets which of core's. */
const samplingOptions = {
  "min-new-tokens": "minNewTokens",
  ban: "bannedTokens",
  temperature: "temperature",
  "top-k": "topK",
  "top-p": "topP",
  "min-p": "minP",
  seed: "seed",
  "repetition-penalty": "repetitionPenalty",
  "presence-penalty": "presencePenalty",
} as const satisfies Partial<Record<keyof AnswerValues, keyof SamplingOptions>>;

/**
 * How the answers are to be chosen and ended; what each option may be was checked when it was read.
 *
 * @throws CliError `usage` where the shortest answer is longer than the longest
 */
export function readAnswerOptions(values: AnswerValues): AnswerOptions {
  checkLengths(values);
  const sampling: Record<string, unknown> = {};
  for (const [option, name] of Object.entries(samplingOptions)) {
    const value = values[option as keyof typeof samplingOptions];
    if (value !== undefined) sampling[name] = value;
  }
  const { "max-new-tokens": maxNewTokens, stop } = values;
  return {
    ...sampling,
    ...(maxNewTokens !== undefined && { maxNewTokens }),
    ...(stop !== undefined && { stop: stop.filter((text) => text !== "") }),
  };
}

function checkLengths({ "min-new-tokens": least = 0, "max-new-tokens": most }: AnswerValues): void {
  if (least <= (most ?? defaultMaxNewTokens)) return;
  throw usageError(
    `--min-new-tokens must be at most --max-new-tokens, which is ${most ?? `${defaultMaxNewTokens} by default`}; it is ${least}.`,
  );
}

/** The same, heard by Ctrl-C, with a bar while long prompts are read. */
export function withProgress(options: AnswerOptions, io: Io): AnswerOptions {
  const progress = new Progress(io, "Reading the prompts");
  const onProgress = ({ done, total }: { done: number; total: number }) => {
    if (done < total) progress.update(done, total);
    else progress.clear();
  };
  return { ...options, signal: io.signal, onProgress };
}
