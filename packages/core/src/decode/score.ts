/** How probable a given answer is under each method: for perplexity, and for ranking answers. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { CoreError } from "../errors.js";
import { applyMethod, type Method } from "../methods/method.js";
import { logPolicy } from "../methods/policy.js";
import { checkPrompt, type PrefillOptions, prefill, throwIfAborted } from "../port/prefill.js";
import type { LanguageModel, Session, TokenRow } from "../port/session.js";

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

/** Positions whose policies are held at once: `[64, V]` for each prompt and one method at a time. */
const positionsPerPass = 64;

/**
 * Scores an answer token by token under several methods. Each prompt is read once, followed by the answer, whatever
 * the number of methods; the positions are the batch that a method sees. To count the end of the answer, end it with
 * an end token.
 *
 * @param answer token ids, at least one
 * @returns one score per method, in their order
 * @throws CoreError `bad-request`, `context-overflow`, `not-finite`, `aborted`
 */
export async function scoreAnswer(
  model: LanguageModel,
  prompts: { readonly base: TokenRow; readonly preference: TokenRow },
  answer: TokenRow,
  methods: readonly Method[],
  options: PrefillOptions = {},
): Promise<AnswerScore[]> {
  if (methods.length === 0) throw new CoreError("bad-request", "There is no method to score with: give one.");
  const readers = promptsRead(methods);
  const rows = readers.map((reader) => prompts[reader]);
  for (const reader of readers) checkFits(model, prompts[reader], answer, reader);
  const found = methods.map((): number[] => []);
  using session = model.openSession(rows.length);
  const first_BV = await prefill(session, rows, options);
  let states: Tensor2D[] = tf.tidy(() => tf.split(first_BV, rows.length));
  first_BV.dispose();
  for (let from = 0; from < answer.length; ) {
    const targets = answer.slice(from, from + states[0]!.shape[0]);
    await scorePositions(states, methods, targets, found);
    from += targets.length;
    if (from === answer.length) break;
    throwIfAborted(options.signal);
    states = readOn(session, answer.slice(from - 1, -1));
  }
  return methods.map(({ name }, i) => summarise(name, found[i]!));
}

type Reader = "base" | "preference";

function promptsRead(methods: readonly Method[]): Reader[] {
  const isRead = (reader: Reader) => methods.some(({ reads }) => reads === reader || reads === "both");
  return (["base", "preference"] as const).filter(isRead);
}

function checkFits(model: LanguageModel, prompt: TokenRow, answer: TokenRow, reader: Reader): void {
  checkPrompt(model, prompt, reader);
  const bad = answer.find((id) => !Number.isInteger(id) || id < 0 || id >= model.vocabularySize);
  if (answer.length === 0 || bad !== undefined) {
    throw new CoreError(
      "bad-request",
      `The answer to score must be one or more token ids from 0 to ${model.vocabularySize - 1}; ` +
        `${answer.length === 0 ? "it is empty" : `it holds ${bad}`}.`,
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

/** The logits after each of the next tokens, 64 at most, for every row. */
function readOn(session: Session, tokens: TokenRow): Tensor2D[] {
  const next = tokens.slice(0, positionsPerPass);
  return session.appendAll(session.lengths.map(() => next));
}

/** Appends the log-probability of the targets under each method; uses the logits up. */
async function scorePositions(
  logits: readonly Tensor2D[],
  methods: readonly Method[],
  targets: TokenRow,
  found: readonly number[][],
): Promise<void> {
  const picked = pickForMethods(logits, methods, targets);
  const rows = await Promise.all(picked.map((picked_T) => picked_T.data()));
  tf.dispose(picked);
  if (!rows.every((row) => row.every(Number.isFinite))) {
    throw new CoreError(
      "not-finite",
      "The policy of a method holds NaN: the model's weights may be damaged, or memory ran out.",
    );
  }
  for (const [i, row] of rows.entries()) found[i]!.push(...row);
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
