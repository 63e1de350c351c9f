/** A token by itself, as it is told of: its bytes in a text, and those as text. */
import type { EngineTokenizer } from "@amulet-ts/core";

export interface TokenText {
  /** Part of a character shows as U+FFFD. */
  readonly token: string;
  readonly bytes: readonly number[];
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strictDecoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

export function textOf(id: number, tokenizer: EngineTokenizer): TokenText {
  const bytes = tokenizer.bytes?.(id) ?? new TextEncoder().encode(tokenizer.decode([id]));
  return { token: decoder.decode(bytes), bytes: [...bytes] };
}

/** A token as OpenAI's completions of texts name it: its text, or `bytes:\xf0\x9f` where that is no whole characters. */
export function nameOf(id: number, tokenizer: EngineTokenizer): string {
  const { bytes } = textOf(id, tokenizer);
  try {
    return strictDecoder.decode(Uint8Array.from(bytes));
  } catch {
    return `bytes:${bytes.map(spellByte).join("")}`;
  }
}

/** Names of several, each its own: where two have the same bytes, the later one is called as the vocabulary writes it. */
export function namesOf(ids: Iterable<number>, tokenizer: EngineTokenizer): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const taken = new Set<string>();
  for (const id of ids) {
    if (names.has(id)) continue;
    const free = [nameOf(id, tokenizer), tokenizer.piece(id)].find((name) => !taken.has(name)) ?? `[${id}]`;
    taken.add(free);
    names.set(id, free);
  }
  return names;
}

/** As Python writes a byte of many. */
function spellByte(byte: number): string {
  const character = String.fromCharCode(byte);
  if (character === "\\") return "\\\\";
  return byte >= 0x20 && byte < 0x7f ? character : `\\x${byte.toString(16).padStart(2, "0")}`;
}
