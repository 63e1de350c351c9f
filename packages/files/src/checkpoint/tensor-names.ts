/**
 * One name for each tensor, whichever class of transformers saved it. A bare model (`Qwen3Model`) leaves out the prefix
 * that the model with a head has (`Qwen3ForCausalLM`); one with images (`Gemma3ForConditionalGeneration`) puts
 * `language_model` before it, on either side, or `text_model` behind it (SmolVLM). transformers' own loader maps all of
 * them to each other.
 */
import type { TensorSource, TensorStore } from "../formats/tensor-source.js";

const spellings: readonly (readonly [pattern: RegExp, name: string])[] = [
  [
    /^(?:model\.language_model\.|language_model\.model\.|language_model\.|model\.text_model\.|model\.)?(?=(embed_tokens|layers|norm)\.)/,
    "model.",
  ],
  [/^(?:model\.)?language_model\.(?=lm_head\.)/, ""],
  [/^(?:transformer\.)?(?=(wte|wpe|h|ln_f)\.)/, "transformer."],
];

/** What a model with images or sound has beside its text part. */
const otherParts =
  /^(?:model\.)?(?:vision_tower|vision_model|visual|multi_modal_projector|connector|image_newline|audio_tower|audio_model)(?:\.|$)/;

/** The name that the model with a head has for a tensor. */
export function usualName(name: string): string {
  const found = spellings.find(([pattern]) => pattern.test(name));
  return found ? name.replace(...found) : name;
}

/**
 * The store under usual names, without the parts that see or hear. Where two tensors would have the same name, the one
 * that has it in the file keeps it, and the other its own.
 */
export function underUsualNames(store: TensorStore): TensorStore {
  const tensors = new Map<string, TensorSource>();
  for (const [name, tensor] of store.tensors) {
    if (otherParts.test(name)) continue;
    const usual = usualName(name);
    const isTaken = usual !== name && (store.tensors.has(usual) || tensors.has(usual));
    tensors.set(isTaken ? name : usual, tensor);
  }
  return { tensors, close: () => store.close() };
}
