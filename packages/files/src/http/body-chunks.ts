/**
 * The bytes of an answer as they come, until a signal ends them. It listens itself: where the collector comes by while a body is awaited,
 * fetch of Node 20's later releases forgets the signal that it was given, and would wait for minutes.
 *
 * @throws the reason of the signal that ended it
 */
export async function* bodyChunks(
  response: Response,
  signals: readonly (AbortSignal | undefined)[],
): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  const end = () => void reader.cancel().catch(() => {});
  for (const signal of signals) signal?.addEventListener("abort", end);
  try {
    for (;;) {
      for (const signal of signals) signal?.throwIfAborted();
      const { value, done } = await reader.read();
      for (const signal of signals) signal?.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    for (const signal of signals) signal?.removeEventListener("abort", end);
    await reader.cancel().catch(() => {});
  }
}
