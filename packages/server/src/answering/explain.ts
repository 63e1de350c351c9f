/** An explanation as it is sent: ids with their texts, in the names of the protocol. */
import type { Engine, Explanation, TokenView } from "@amulet-ts/core";
import type { ExplanationBody, TokenViewBody } from "../protocol/steering.js";
import { textOf } from "./token-text.js";

type Tokenizer = Engine["tokenizer"];

export function describeExplanation(explanation: Explanation, tokenizer: Tokenizer): ExplanationBody {
  const view = (token: TokenView) => describeView(token, tokenizer);
  const { guidanceScale, klFromBase, klFromPreference } = explanation;
  return {
    ...view(explanation),
    guidance_scale: guidanceScale ?? null,
    kl_from_base: klFromBase,
    kl_from_preference: klFromPreference,
    base_choice: view(explanation.baseChoice),
    preference_choice: view(explanation.preferenceChoice),
    candidates: explanation.alternatives.map(view),
  };
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
