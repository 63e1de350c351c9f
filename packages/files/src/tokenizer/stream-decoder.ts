/** Turns tokens into text as they come; never shows half a character. */
export interface StreamDecoder {
  /** The text that this token completes: often its own, sometimes none yet, sometimes an earlier one's too. */
  push(id: number): string;
  /** What is left: an unfinished character as U+FFFD, otherwise nothing. The decoder then starts afresh. */
  flush(): string;
}

/**
 * A stream decoder over the bytes of each token; every byte is looked at once. Bytes that can't be UTF-8 become
 * one U+FFFD per maximal invalid stretch, as the Encoding standard has it.
 */
export function createStreamDecoder(
  bytesOf: (id: number) => Uint8Array,
  dropsFirstSpace: boolean,
): StreamDecoder {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let atStart = true;

  const withoutFirstSpace = (text: string) => {
    if (!atStart || text === "") return text;
    atStart = false;
    return dropsFirstSpace && text.startsWith(" ") ? text.slice(1) : text;
  };

  return {
    push: (id) => withoutFirstSpace(decoder.decode(bytesOf(id), { stream: true })),
    flush: () => {
      const rest = withoutFirstSpace(decoder.decode());
      atStart = true;
      return rest;
    },
  };
}
