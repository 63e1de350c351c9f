/** How probable a given answer is under each method: for perplexity, and for ranking answers. */

import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { CoreError, notFinite } from "../errors.js";
import { applyMethod, type Method } from "../methods/method.js";
import { logPolicy } from "../methods/policy.js";
import { checkBackend } from "../port/backend.js";
import {
  checkGiven,
  checkReadingOptions,
  describeValue,
  method as givenMethod,
  model as givenModel,
  list,
  listOf,
  record,
} from "../port/given.js";
import {
  checkPrompt,
  isTokenOf,
  type PrefillOptions,
  prefill,
  readPositions,
  splitRows,
} from "../port/reading.js";
import type { LanguageModel, Next, TokenRow } from "../port/session.js";
import { takeValues } from "../port/take-values.js";
import { refuseUnlessWhole } from "./coverage.js";

/** One answer under one method. */
export interface AnswerScore {
  /** The method's name. */
  readonly method: string;
  /** log p of each token of the answer, given those before it; in nats. */
  readonly logProbabilities: readonly number[];
  /** Their sum: the log-probability of the answer. */
  readonly total: number;
  /** exp(−total / tokens). */
  readonly perplexity: number;
}

/**
 * Scores an answer token by token under several methods. Each prompt is read once, followed by the answer, whatever
 * the number of methods; the positions are the batch that a method sees. To count the end of the answer, end it with
 * an end token.
 *
 * @param answer token ids, at least one
 * @returns one score per method, in their order
 * @throws CoreError `bad-request`, `context-overflow`, `not-covered`, `not-finite`, `aborted`
 */
export async function scoreAnswer(
  model: LanguageModel,
  prompts: { readonly base: TokenRow; readonly preference: TokenRow },
  answer: TokenRow,
  methods: readonly Method[],
  options: PrefillOptions = {},
): Promise<AnswerScore[]> {
  checkGiven(model, givenModel, "The model");
  checkBackend();
  checkGiven(prompts, record, "The prompts");
  checkGiven(answer, list, "The answer");
  checkGiven(methods, listOf(givenMethod), "The methods");
  checkReadingOptions(options);
  if (methods.length === 0) throw new CoreError("bad-request", "There is no method to score with: give one.");
  refuseUnlessWhole(model, "scoring an answer");
  const readers = promptsRead(methods);
  const rows = readers.map((reader) => prompts[reader]);
  for (const reader of readers) checkFits(model, prompts[reader], answer, reader);
  const found = methods.map((): number[] => []);
  const session = model.openSession(rows.length);
  try {
    const first = splitRows(await prefill(session, rows, options));
    await scorePositions(first, methods, answer.slice(0, 1), found);
    for await (const next of readPositions(session, answer.slice(0, -1), signalOf(options))) {
      const from = found[0]!.length;
      const targets = answer.slice(from, from + next[0]!.logits_RC.shape[0]);
      await scorePositions(next, methods, targets, found);
    }
  } finally {
    await session.dispose();
  }
  return methods.map(({ name }, i) => summarise(name, found[i]!));
}

/** Progress is told of the prompts alone. */
const signalOf = ({ signal }: PrefillOptions) => (signal ? { signal } : {});

type Reader = "base" | "preference";

function promptsRead(methods: readonly Method[]): Reader[] {
  const isRead = (reader: Reader) => methods.some(({ reads }) => reads === reader || reads === "both");
  return (["base", "preference"] as const).filter(isRead);
}

function checkFits(model: LanguageModel, prompt: TokenRow, answer: TokenRow, reader: Reader): void {
  checkPrompt(model, prompt, reader);
  const bad = answer.findIndex((id) => !isTokenOf(model, id));
  if (answer.length === 0 || bad >= 0) {
    throw new CoreError(
      "bad-request",
      `The answer to score must be one or more token ids from 0 to ${model.vocabularySize - 1}; ` +
        `${answer.length === 0 ? "it is empty" : `it holds ${describeValue(answer[bad])}`}.`,
    );
  }
  if (prompt.length + answer.length > model.contextLength) {
    throw new CoreError(
      "context-overflow",
      `The ${reader} prompt and the answer have ${prompt.length} + ${answer.length} tokens; ${model.name} reads at ` +
        `most ${model.contextLength}. Shorten one of them or take a model with a longer context.`,
    );
  }
}

/** Appends the log-probability of the targets under each method; uses the logits up. */
async function scorePositions(
  rows: readonly Next[],
  methods: readonly Method[],
  targets: TokenRow,
  found: readonly number[][],
): Promise<void> {
  const picked = pickForMethods(
    rows.map(({ logits_RC }) => logits_RC),
    methods,
    targets,
  );
  const logs = await takeValues(...picked);
  if (!logs.every((row) => row.every(Number.isFinite))) {
    throw notFinite("The policy of a method");
  }
  for (const [i, row] of logs.entries()) found[i]!.push(...row);
}

function pickForMethods(logits: readonly Tensor2D[], methods: readonly Method[], targets: TokenRow) {
  try {
    return tf.tidy(() => {
      const logs = logits.map((logits_TV) => logPolicy(logits_TV));
      // Where one prompt is read, it stands for both: no method looks at the other argument.
      const [base_TV, preference_TV] = [logs[0]!, logs.at(-1)!];
      return methods.map((method) => pickTargets(method, base_TV, preference_TV, targets));
    });
  } finally {
    tf.dispose([...logits]);
  }
}

/** log p of the t-th target at the t-th position, `[T]`. */
function pickTargets(method: Method, base_TV: Tensor2D, preference_TV: Tensor2D, targets: TokenRow) {
  return tf.tidy(() => {
    const { logPolicy_BV: logPolicy_TV } = applyMethod(method, base_TV, preference_TV);
    const places = targets.flatMap((id, t) => [t, id]);
    return tf.gatherND(logPolicy_TV, tf.tensor2d(places, [targets.length, 2], "int32"));
  });
}

function summarise(method: string, logProbabilities: readonly number[]): AnswerScore {
  const total = logProbabilities.reduce((sum, value) => sum + value, 0);
  return { method, logProbabilities, total, perplexity: Math.exp(-total / logProbabilities.length) };
}
