/** Server-sent events: an answer as it grows, and signs of life while it waits. */

export function eventOf(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

export const lastEvent = "data: [DONE]\n\n";

/** A line that clients pass over. */
export function commentOf(text: string): string {
  return `: ${text}\n\n`;
}

/** The same events, and a comment wherever none came for so long. */
export async function* withHeartbeats(
  events: AsyncGenerator<string, void, void>,
  milliseconds: number,
  beat: () => string,
): AsyncGenerator<string, void, void> {
  let next = events.next();
  try {
    for (;;) {
      const result = await withTimeout(next, milliseconds);
      if (result === undefined) yield commentOf(beat());
      else if (result.done) return;
      else {
        yield result.value;
        next = events.next();
      }
    }
  } finally {
    next.catch(() => {});
  }
}

/** Undefined where it takes longer. */
async function withTimeout<T>(work: Promise<T>, milliseconds: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A body that is computed no faster than it is read. @param onCancel the reader has gone */
export function streamOf(
  events: AsyncGenerator<string, void, void>,
  onCancel: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await events.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      cancel: onCancel,
    },
    { highWaterMark: 0 },
  );
}
