/** Server-sent events as a client of the OpenAI protocol hears them. */

/** What came as JSON, of which each test says what it must be. */
export type Parsed = ReturnType<typeof JSON.parse>;

/** Server-sent events as they come: the data of each, parsed; comments as texts. */
export async function* eventsOf(response: Response): AsyncGenerator<Parsed, void, void> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(bytes, { stream: true });
    const parts = text.split("\n\n");
    text = parts.pop()!;
    yield* parts.map(readEvent);
  }
}

export async function allEvents(response: Response): Promise<Parsed[]> {
  const events: Parsed[] = [];
  for await (const event of eventsOf(response)) events.push(event);
  return events;
}

export function readEvent(part: string): Parsed {
  if (part.startsWith(":")) return part;
  const data = part.slice("data: ".length);
  return data === "[DONE]" ? data : JSON.parse(data);
}

export const isComment = (event: Parsed) => typeof event === "string" && event.startsWith(":");
