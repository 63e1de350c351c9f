/** What a judge's verdicts come to: wins, whether the order decided, and wins if both answers were equally long. */
import type { AnswerPair } from "../reports/html/answers.js";
import { wordsOf } from "../scorers/computed/text-parts.js";
import type { BootstrapOptions, Interval } from "../statistics/bootstrap.js";
import { bootstrapClusters } from "../statistics/cluster-bootstrap.js";
import { lengthControlledRate } from "../statistics/length-control.js";
import { comparisonsOf } from "./judge-answers.js";
import { type Judgement, keyOfComparison } from "./judgement-file.js";

export interface JudgeSummary {
  /** Pairs with a verdict in each order, equal texts included. */
  readonly pairs: number;
  /** Of the setting against the reference; an order's tie is a half. Null where there is no pair. */
  readonly winRate: Interval | null;
  /** The same at equal length. */
  readonly lengthControlled: number | null;
  /** Share of the pairs that were asked in which both orders prefer the same answer. */
  readonly orderAgreement: number | null;
  /** Replies without a verdict; their pairs are left out. */
  readonly invalid: number;
}

/** A pair's outcome: 1 where the setting wins in both orders, 0 where it loses in both. */
interface Outcome {
  readonly value: number;
  readonly cluster: number;
  readonly moreWords: number;
  readonly agrees?: boolean;
}

export function summariseJudgements(
  pairs: readonly AnswerPair[],
  judgements: ReadonlyMap<string, Judgement>,
  judge: { readonly model: string; readonly rubric: string },
  options: BootstrapOptions = {},
): JudgeSummary {
  const read = pairs.map((pair) => outcomeOf(pair, judgements, judge));
  const outcomes = read.flatMap(({ outcome }) => outcome ?? []);
  const asked = outcomes.filter(({ agrees }) => agrees !== undefined);
  const values = outcomes.map(({ value }) => value);
  return {
    pairs: outcomes.length,
    winRate:
      outcomes.length === 0
        ? null
        : bootstrapClusters(
            values,
            outcomes.map(({ cluster }) => cluster),
            options,
          ),
    lengthControlled:
      outcomes.length === 0
        ? null
        : lengthControlledRate(
            values,
            outcomes.map(({ moreWords }) => moreWords),
          ),
    orderAgreement: asked.length === 0 ? null : asked.filter(({ agrees }) => agrees).length / asked.length,
    invalid: read.reduce((sum, { invalid }) => sum + invalid, 0),
  };
}

function outcomeOf(
  pair: AnswerPair,
  judgements: ReadonlyMap<string, Judgement>,
  judge: { readonly model: string; readonly rubric: string },
): { readonly outcome?: Outcome; readonly invalid: number } {
  const cluster = pair.other.pair.questionNumber;
  const words = (text: string) => wordsOf(text).length;
  const moreWords = words(pair.other.answer.text) - words(pair.reference.answer.text);
  const orders = comparisonsOf(pair).map((one) => judgements.get(keyOfComparison(one, judge)));
  if (orders.length === 0) return { outcome: { value: 0.5, cluster, moreWords }, invalid: 0 };
  const invalid = orders.filter((one) => one?.verdict === null).length;
  const [first, second] = orders.map((one) => one?.verdict ?? undefined);
  if (first === undefined || second === undefined) return { invalid };
  // The other answer is B in the first order and A in the second.
  const points = [pointsOf(first, "B"), pointsOf(second, "A")];
  const value = (points[0]! + points[1]!) / 2;
  return { outcome: { value, cluster, moreWords, agrees: points[0] === points[1] }, invalid };
}

function pointsOf(verdict: "A" | "B" | "tie", own: "A" | "B"): number {
  if (verdict === "tie") return 0.5;
  return verdict === own ? 1 : 0;
}
