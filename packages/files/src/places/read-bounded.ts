/**
 * The text of an answer, read piece by piece: one without end costs no more memory than its bound.
 *
 * @param tooLong the error for more than `mostBytes`
 */
export async function readBounded(
  response: Response,
  mostBytes: number,
  tooLong: () => Error,
): Promise<string> {
  const reader = response.body?.getReader();
  const utf8 = new TextDecoder();
  let length = 0;
  let text = "";
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { done: true };
    if (done || value === undefined) return text + utf8.decode();
    length += value.byteLength;
    if (length > mostBytes) {
      await reader?.cancel().catch(() => {});
      throw tooLong();
    }
    text += utf8.decode(value, { stream: true });
  }
}
