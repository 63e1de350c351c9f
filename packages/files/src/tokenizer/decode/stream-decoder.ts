import type { Spelling } from "./piece-bytes.js";

/** Turns tokens into text as they come; never shows half a character. */
export interface StreamDecoder {
  /** The text that this token completes: often its own, sometimes none yet, sometimes an earlier one's too. */
  push(id: number): string;
  /** What is left: an unfinished character as U+FFFD, otherwise nothing. The decoder then starts afresh. */
  flush(): string;
}

/**
 * A stream decoder over the bytes of each token, none for an id without one; every byte is looked at once. Bytes that can't be UTF-8 become
 * one U+FFFD per maximal invalid stretch, as the Encoding standard has it.
 */
export function createStreamDecoder(
  bytesOf: (id: number, isFirst: boolean) => Uint8Array | undefined,
  { dropped, separator }: Pick<Spelling, "dropped" | "separator">,
): StreamDecoder {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let left = dropped.most;
  let isFirst = true;

  const withoutDropped = (text: string) => {
    let start = 0;
    while (left > 0 && text.startsWith(dropped.character, start)) {
      start += dropped.character.length;
      left--;
    }
    if (start < text.length) left = 0;
    return text.slice(start);
  };

  return {
    push: (id) => {
      const bytes = bytesOf(id, isFirst);
      if (bytes === undefined) return "";
      const before = isFirst ? "" : separator;
      isFirst = false;
      return before + withoutDropped(decoder.decode(bytes, { stream: true }));
    },
    flush: () => {
      const rest = withoutDropped(decoder.decode());
      left = dropped.most;
      isFirst = true;
      return rest;
    },
  };
}
