/** What the oracles say of a model that came as plain data. */
import type { TinyModel } from "../../arbitraries/models.js";
import { logSumExp, sumOver, tabulate } from "../../oracles/distribution.js";
import type { PlainTensor } from "../../oracles/transformers/checkpoint.js";
import { gemma3Logits } from "../../oracles/transformers/gemma3.js";
import { gpt2Logits } from "../../oracles/transformers/gpt2.js";
import { llamaLogits } from "../../oracles/transformers/llama.js";

/** The oracle's logits of a plain model, `[T][V]`. */
export function oracleLogits(model: TinyModel, tokens: readonly number[]): Float64Array[] {
  switch (model.family) {
    case "gpt2":
      return gpt2Logits(model.config, model.tensors, tokens);
    case "gemma3":
      return gemma3Logits(model.config, model.tensors, tokens);
    default:
      return llamaLogits(model.config, model.tensors, tokens);
  }
}

/** Mean over positions of −log p(next token), in nats, in float64. */
export function oracleLoss(model: TinyModel, tokens: readonly number[]): number {
  const logits = oracleLogits(model, tokens.slice(0, -1));
  const nats = sumOver(logits.length, (t) => logSumExp(logits[t]!) - logits[t]![tokens[t + 1]!]!);
  return nats / logits.length;
}

/** Every weight times 1 ± `relative`, the sign changing irregularly from one to the next. */
export function nudgeWeights(model: TinyModel, relative: number): TinyModel {
  const nudge = ({ shape, data }: PlainTensor): PlainTensor => ({
    shape,
    data: tabulate(data.length, (i) => data[i]! * (1 + (Math.sin(i * i + 1) > 0 ? relative : -relative))),
  });
  const tensors = new Map([...model.tensors].map(([name, tensor]) => [name, nudge(tensor)]));
  return { ...model, tensors };
}
