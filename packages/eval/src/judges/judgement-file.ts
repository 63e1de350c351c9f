/** Verdicts by the content that they are about: nothing is asked twice. */
import { createHash } from "node:crypto";
import * as v from "valibot";
import type { Comparison } from "./judge-prompt.js";

export const judgementSchema = v.object({
  key: v.string(),
  /** null where the reply says neither A nor B nor tie. */
  verdict: v.nullable(v.picklist(["A", "B", "tie"])),
  reply: v.string(),
  tokens: v.object({ prompt: v.number(), completion: v.number() }),
  at: v.string(),
});
export type Judgement = v.InferOutput<typeof judgementSchema>;

export function keyOfComparison(
  { question, preference, a, b }: Comparison,
  judge: { readonly model: string; readonly rubric: string },
): string {
  const content = JSON.stringify([judge.model, judge.rubric, question, preference, a, b]);
  return createHash("sha256").update(content).digest("hex").slice(0, 24);
}
