/** An answer as it is kept: one line of JSON with all that was measured on the way. */
import * as v from "valibot";
import type { Cell } from "../cells/cell.js";
import { keyOf } from "../grid/settings.js";
import type { Scores } from "../scorers/scorer.js";
import type { Row } from "./rows.js";

const numbers = v.array(v.nullable(v.number()));

export const answerSchema = v.looseObject({
  key: v.string(),
  text: v.string(),
  questionId: v.string(),
  preference: v.string(),
  setting: v.string(),
  sample: v.number(),
  finishReason: v.picklist(["stop", "length"]),
  ids: v.array(v.number()),
  /** How long the text was after each token, in UTF-16 units: where each token stands in it. */
  ends: v.optional(v.array(v.number()), []),
  /** log p of the chosen tokens under the method's own policy: their mean and the smallest, in nats. */
  logProbability: v.object({ mean: v.nullable(v.number()), least: v.nullable(v.number()) }),
  /** The strength at each token; one number where it is the same at all. */
  x: v.nullable(v.union([v.number(), numbers])),
  /** KL(π ‖ π_pref) at each token, in nats, to five digits. */
  kl: numbers,
  prompts: v.object({ base: v.string(), preference: v.string() }),
  promptTokens: v.object({ base: v.number(), preference: v.number() }),
  /** From joining the answers under way to the last token, beside the others. */
  ms: v.number(),
  /** When it was complete, in ISO 8601. */
  at: v.string(),
});

export type RunAnswer = v.InferOutput<typeof answerSchema>;

/** The answer as a cell of the run's table. @param pair which of the things that were asked: of each sample another */
export function toCell<Name extends string>(
  { setting }: Row,
  pair: number,
  { text, ids, finishReason, kl }: RunAnswer,
  scores: Scores<Name>,
): Cell<Name> {
  const sum = kl.reduce<number>((total, nats) => total + (nats ?? 0), 0);
  const drift = kl.length === 0 ? null : Math.max(0, sum) / kl.length;
  return { setting: keyOf(setting), pair, text, tokens: ids.length, finishReason, drift, scores };
}
