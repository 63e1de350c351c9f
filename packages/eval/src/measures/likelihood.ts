/** What the model itself thinks of an answer, without the preference. */
import { baseMethod, type ChatModel, type Engine, scoreAnswer, type TokenRow } from "@amulet-ts/core";
import { renderPair } from "../runs/render-pair.js";
import type { RunPlan } from "../runs/run-record.js";
import type { Measure, MeasuredAnswer } from "./measure.js";

/** What stands behind an answer when its question is looked for. */
const which = "Which question does the text above answer? Say the question alone.";

/**
 * `logPerplexity`: −log p of the answer's tokens under the base prompt, its end included where it came to one, in nats a
 * token; its exponential is the perplexity. Small where the language is what this model would say anyway.
 * `questionLikelihood`: log p of the question's tokens where the model is shown the answer and asked which question it
 * answers, in nats a token; nearer to 0 where the answer tells what was asked.
 *
 * @throws CoreError `not-covered` from an engine that gives the best tokens alone
 */
export function likelihoodMeasure(
  { model, tokenizer }: Pick<Engine, "model" | "tokenizer">,
  plan: RunPlan,
): Measure {
  const take = async ({ answer, pair }: MeasuredAnswer, signal?: AbortSignal): Promise<readonly number[]> => {
    const { base } = renderPair(model, plan.config.answers, pair);
    const end = answer.finishReason === "stop" ? [...model.endTokens].slice(0, 1) : [];
    const asked = model.renderChat([{ role: "user", content: `${answer.text}\n\n${which}` }]);
    return [
      -(await meanLog(model, base.ids, [...answer.ids, ...end], signal)),
      await meanLog(model, asked.ids, tokenizer.encode(pair.question), signal),
    ];
  };
  return {
    names: ["logPerplexity", "questionLikelihood"],
    by: JSON.stringify(["likelihood, 1", plan.source.digest, plan.source.backend]),
    atOnce: 1,
    take: async (answers, signal) => {
      const values: (readonly number[])[] = [];
      for (const one of answers) values.push(await take(one, signal));
      return values;
    },
  };
}

/** Mean log p of the target's tokens; 0 of none. */
async function meanLog(
  model: ChatModel,
  prompt: TokenRow,
  target: TokenRow,
  signal?: AbortSignal,
): Promise<number> {
  if (target.length === 0) return 0;
  const prompts = { base: prompt, preference: prompt };
  const [score] = await scoreAnswer(model, prompts, target, [baseMethod()], signal ? { signal } : {});
  return score!.total / target.length;
}
