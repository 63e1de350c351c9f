import { isJsonObject } from "../places/read-json.js";
import type { JsonRecord } from "./expect-json.js";

/**
 * The texts of a tokenizer's named special tokens by the names that chat templates know them by: `bos_token`,
 * `eos_token`, `pad_token`, `unk_token`, `sep_token`, `cls_token`, `mask_token` and a model's own (`image_token`).
 */
export type SpecialTokens = Readonly<Record<string, string>>;

/** The special tokens that a tokenizer_config.json or a special_tokens_map.json names; what is null or no text is none. */
export function namedTokens(file: JsonRecord): SpecialTokens {
  const ofModel = isJsonObject(file.extra_special_tokens) ? file.extra_special_tokens : {};
  const named = Object.entries(file).filter(([key]) => key.endsWith("_token"));
  return Object.fromEntries(
    [...named, ...Object.entries(ofModel)].flatMap(([key, value]) => {
      const text = tokenText(value);
      return text === undefined ? [] : [[key, text]];
    }),
  );
}

/** A token as a text or as an object with `content`. */
function tokenText(value: unknown): string | undefined {
  const text = isJsonObject(value) ? value.content : value;
  return typeof text === "string" ? text : undefined;
}

/** The keys of GGUF metadata and what templates call their tokens. */
const ggufTokens = {
  bos_token_id: "bos_token",
  eos_token_id: "eos_token",
  unknown_token_id: "unk_token",
  seperator_token_id: "sep_token",
  padding_token_id: "pad_token",
  cls_token_id: "cls_token",
  mask_token_id: "mask_token",
} as const;

/** The special tokens of a GGUF file; `pieceAt` gives the piece that a key of the metadata names by its id. */
export function specialTokensAt(pieceAt: (key: string) => string | undefined): SpecialTokens {
  return Object.fromEntries(
    Object.entries(ggufTokens).flatMap(([key, name]) => {
      const piece = pieceAt(key);
      return piece === undefined ? [] : [[name, piece]];
    }),
  );
}
