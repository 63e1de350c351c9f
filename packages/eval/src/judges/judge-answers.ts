/** Pairs of answers before a judge, in both orders. */
import { join } from "node:path";
import { EvaluationError } from "../errors.js";
import type { AnswerPair } from "../reports/html/answers.js";
import { LineFile } from "../runs/line-file.js";
import { askJudge, type JudgeServer } from "./chat-client.js";
import { type Comparison, judgeMessages, readVerdict } from "./judge-prompt.js";
import { type Judgement, judgementSchema, keyOfComparison } from "./judgement-file.js";

export interface JudgeLimits {
  readonly maxRequests?: number;
  /** In the unit of the prices. */
  readonly maxCost?: number;
  /** For a million tokens. */
  readonly prices?: { readonly prompt: number; readonly completion: number };
}

export interface JudgePlan {
  readonly comparisons: readonly Comparison[];
  /** What no earlier call has asked. */
  readonly missing: readonly (Comparison & { readonly key: string })[];
  /** At most: every reply as long as it may be, a token for every two characters of a prompt. */
  readonly mostTokens: { readonly prompt: number; readonly completion: number };
  readonly mostCost: number | null;
}

export interface JudgeOptions extends JudgeLimits {
  readonly rubric: string;
  /** Requests at a time; default 4. */
  readonly parallel?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number, tokens: Judgement["tokens"]) => void;
}

/** Both orders of a pair; none for two equal texts, which are a tie without being asked. */
export function comparisonsOf({ reference, other }: AnswerPair): Comparison[] {
  const { question, preference } = other.pair;
  const [a, b] = [reference.answer.text, other.answer.text];
  if (a === b) return [];
  return [
    { question, preference, a, b },
    { question, preference, a: b, b: a },
  ];
}

/**
 * Asks what is not in the folder's `judgements.jsonl` yet; each verdict is kept as it comes.
 *
 * @returns all judgements of the folder by key
 * @throws EvaluationError `too-dear` before the first request where the limits don't reach; `judge-failed`, `no-room`
 */
export async function judgeAnswers(
  folder: string,
  pairs: readonly AnswerPair[],
  server: JudgeServer,
  options: JudgeOptions,
): Promise<Map<string, Judgement>> {
  const file = await LineFile.open(join(folder, "judgements.jsonl"), judgementSchema);
  try {
    const known = new Map(file.lines.map((line) => [line.key, line]));
    const plan = planJudging(pairs, known, server, options);
    checkLimits(plan, options);
    await askAll(plan, server, options, async (judgement) => {
      await file.append([judgement]);
      known.set(judgement.key, judgement);
    });
    return known;
  } finally {
    await file.close();
  }
}

/** What there is to ask, and what that takes at most. */
export function planJudging(
  pairs: readonly AnswerPair[],
  known: ReadonlyMap<string, Judgement>,
  server: JudgeServer,
  { rubric, prices }: JudgeOptions,
): JudgePlan {
  const comparisons = pairs.flatMap(comparisonsOf);
  const keyed = comparisons.map((one) => ({
    ...one,
    key: keyOfComparison(one, { model: server.model, rubric }),
  }));
  const missing = [...new Map(keyed.map((one) => [one.key, one])).values()].filter(
    ({ key }) => !known.has(key),
  );
  const lengthOf = (one: Comparison) =>
    judgeMessages(one, rubric).reduce((sum, { content }) => sum + content.length, 0);
  const prompt = missing.reduce((sum, one) => sum + Math.ceil(lengthOf(one) / 2), 0);
  const completion = missing.length * server.maxTokens;
  const mostCost = prices ? (prompt * prices.prompt + completion * prices.completion) / 1e6 : null;
  return { comparisons, missing, mostTokens: { prompt, completion }, mostCost };
}

function checkLimits({ missing, mostCost }: JudgePlan, { maxRequests, maxCost }: JudgeLimits): void {
  if (maxRequests !== undefined && missing.length > maxRequests) {
    throw new EvaluationError(
      "too-dear",
      `${missing.length} requests are to be made, and --max-requests allows ${maxRequests}: nothing was asked.`,
    );
  }
  if (maxCost === undefined) return;
  if (mostCost === null) {
    throw new EvaluationError(
      "too-dear",
      "--max-cost needs the prices of a million tokens: --price PROMPT,COMPLETION.",
    );
  }
  if (mostCost > maxCost) {
    throw new EvaluationError(
      "too-dear",
      `${missing.length} requests may cost up to ${mostCost.toPrecision(3)}, and --max-cost allows ${maxCost}: nothing was asked.`,
    );
  }
}

async function askAll(
  { missing }: JudgePlan,
  server: JudgeServer,
  { rubric, parallel = 4, signal, onProgress }: JudgeOptions,
  keep: (judgement: Judgement) => Promise<void>,
): Promise<void> {
  const tokens = { prompt: 0, completion: 0 };
  let next = 0;
  let done = 0;
  let written = Promise.resolve();
  const work = async () => {
    while (next < missing.length) {
      const one = missing[next++]!;
      const reply = await askJudge(server, judgeMessages(one, rubric), signal);
      const verdict = readVerdict(reply.text) ?? null;
      const at = new Date().toISOString();
      written = written.then(() =>
        keep({ key: one.key, verdict, reply: reply.text, tokens: reply.tokens, at }),
      );
      await written;
      tokens.prompt += reply.tokens.prompt;
      tokens.completion += reply.tokens.completion;
      onProgress?.(++done, missing.length, tokens);
    }
  };
  const workOrStop = () =>
    work().catch((error) => {
      // The others finish what they have asked, and ask no more.
      next = missing.length;
      throw error;
    });
  const results = await Promise.allSettled(Array.from({ length: parallel }, workOrStop));
  const failure = results.find((result) => result.status === "rejected");
  if (failure) throw failure.reason;
}
