import { bodyChunks } from "../http/body-chunks.js";

/**
 * The text of an answer, read piece by piece: one without end costs no more memory than its bound.
 *
 * @param tooLong the error for more than `mostBytes`
 * @param signals end it
 */
export async function readBounded(
  response: Response,
  mostBytes: number,
  tooLong: () => Error,
  signals: readonly (AbortSignal | undefined)[] = [],
): Promise<string> {
  const utf8 = new TextDecoder();
  let length = 0;
  let text = "";
  for await (const chunk of bodyChunks(response, signals)) {
    length += chunk.byteLength;
    if (length > mostBytes) throw tooLong();
    text += utf8.decode(chunk, { stream: true });
  }
  return text + utf8.decode();
}
