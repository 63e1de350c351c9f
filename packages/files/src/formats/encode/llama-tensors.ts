/** A Llama's tensors on their way from Hugging Face's layout to GGUF: their names, and the order of rows that are rotated. */

const names: readonly (readonly [RegExp, string])[] = [
  [/^model\.embed_tokens/, "token_embd"],
  [/^model\.norm/, "output_norm"],
  [/^lm_head/, "output"],
  [/^model\.layers\.(\d+)\./, "blk.$1."],
  [/input_layernorm/, "attn_norm"],
  [/post_attention_layernorm/, "ffn_norm"],
  [/self_attn\.([qkv])_proj/, "attn_$1"],
  [/self_attn\.o_proj/, "attn_output"],
  [/mlp\.(gate|up|down)_proj/, "ffn_$1"],
];

/** `model.layers.0.self_attn.q_proj.weight` is `blk.0.attn_q.weight`. */
export function ggufLlamaName(name: string): string {
  return names.reduce((text, [from, to]) => text.replace(from, to), name);
}

/**
 * Puts the rows of queries' or keys' weights, `[heads · headSize, width]`, as llama.cpp has them: those that are rotated together
 * are half a head apart in Hugging Face's order, and neighbours in llama.cpp's.
 */
export function pairRotatedRows(values: Float32Array, width: number, headSize: number): Float32Array {
  const paired = new Float32Array(values.length);
  for (let row = 0; row < values.length / width; row++) {
    const [head, inHead] = [Math.floor(row / headSize), row % headSize];
    const from = head * headSize + (inHead % 2) * (headSize / 2) + Math.floor(inHead / 2);
    paired.set(values.subarray(from * width, (from + 1) * width), row * width);
  }
  return paired;
}
