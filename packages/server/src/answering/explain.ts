/** An explanation as it is sent: ids with their texts, in the names of the protocol. */
import type { Engine, Explanation, ReportedRows, TokenView } from "@amulet-ts/core";
import type { ExplanationBody, TokenViewBody } from "../protocol/steering.js";
import { textOf } from "./token-text.js";

type Tokenizer = Engine["tokenizer"];

export function describeExplanation(
  explanation: Explanation,
  tokenizer: Tokenizer,
  rows?: ReportedRows,
): ExplanationBody {
  const view = (token: TokenView) => describeView(token, tokenizer);
  const { guidanceScale, klFromBase, klFromPreference, seen } = explanation;
  return {
    ...view(explanation),
    guidance_scale: guidanceScale ?? null,
    kl_from_base: klFromBase,
    kl_from_preference: klFromPreference,
    base_choice: view(explanation.baseChoice),
    preference_choice: view(explanation.preferenceChoice),
    candidates: explanation.alternatives.map(view),
    ...(seen && { seen }),
    ...(rows && { policies: { base: pack(rows.logBase_V), preference: pack(rows.logPreference_V) } }),
  };
}

function pack(log_V: Float32Array): string {
  const bytes = new DataView(new ArrayBuffer(4 * log_V.length));
  for (const [id, log] of log_V.entries()) bytes.setFloat32(4 * id, log, true);
  return Buffer.from(bytes.buffer).toString("base64");
}

function describeView(
  { id, probability, baseProbability, preferenceProbability, delta }: TokenView,
  tokenizer: Tokenizer,
): TokenViewBody {
  return {
    token: textOf(id, tokenizer).token,
    id,
    probability,
    base_probability: baseProbability,
    preference_probability: preferenceProbability,
    delta,
  };
}
