/** Reading what a server streams, as fetch gives it and as it lies on the wire. */

/** What came as JSON; who reads it says what it must be. */
export type Parsed = ReturnType<typeof JSON.parse>;

/** The data of each event, comments left out. */
export async function* eventsOf(response: Response): AsyncGenerator<Parsed, void, void> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(bytes, { stream: true });
    const parts = text.split("\n\n");
    text = parts.pop()!;
    yield* parts.flatMap(parseEvent);
  }
}

export async function allEvents(response: Response): Promise<Parsed[]> {
  const events: Parsed[] = [];
  for await (const event of eventsOf(response)) events.push(event);
  return events;
}

/** The events of a whole response in chunks, its head included. */
export function parseWire(bytes: Buffer): Parsed[] {
  const head = bytes.indexOf("\r\n\r\n");
  const parts: Buffer[] = [];
  for (let at = head + 4; at < bytes.length; ) {
    const line = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.toString("latin1", at, line), 16);
    if (!(size > 0)) break;
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 4 + size;
  }
  return Buffer.concat(parts).toString("utf8").split("\n\n").filter(Boolean).flatMap(parseEvent);
}

function parseEvent(part: string): Parsed[] {
  if (part.startsWith(":")) return [];
  const data = part.slice("data: ".length);
  return [data === "[DONE]" ? data : JSON.parse(data)];
}
