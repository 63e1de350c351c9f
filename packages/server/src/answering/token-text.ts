/** A token by itself, as it is told of: its bytes in a text, and those as text. */
import type { EngineTokenizer } from "@amulet-ts/core";

export interface TokenText {
  /** Part of a character shows as U+FFFD. */
  readonly token: string;
  readonly bytes: readonly number[];
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function textOf(id: number, tokenizer: EngineTokenizer): TokenText {
  const bytes = tokenizer.bytes?.(id) ?? new TextEncoder().encode(tokenizer.decode([id]));
  return { token: decoder.decode(bytes), bytes: [...bytes] };
}
