/** llama-server's `/tokenize`, `/detokenize` and `/apply-template`. */
import * as v from "valibot";
import { messagesSchema } from "./chat.js";
import { whole } from "./fields.js";

export const tokenizeRequestSchema = v.looseObject({
  content: v.string(),
  /** Whether the token that begins every prompt is put in front, of models that have one. */
  add_special: v.nullish(v.boolean()),
  /** Whether control tokens are read where the text spells them; the default, as there. */
  parse_special: v.nullish(v.boolean()),
  with_pieces: v.nullish(v.boolean()),
});
export const tokenizeResponseSchema = v.object({
  tokens: v.union([v.array(v.number()), v.array(v.object({ id: v.number(), piece: v.string() }))]),
});

export const detokenizeRequestSchema = v.looseObject({ tokens: v.array(whole(0)) });
export const detokenizeResponseSchema = v.object({ content: v.string() });

export const templateRequestSchema = v.looseObject({ messages: messagesSchema });
export const templateResponseSchema = v.object({ prompt: v.string() });
