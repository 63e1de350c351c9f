/** Reading what a server streams, as fetch gives it and as it lies on the wire. */

import {
  eventsOf as everyEventOf,
  allEvents as everyEventOfWhole,
  isComment,
  type Parsed,
  readEvent,
} from "@amulet-ts/testing/server/event-stream";

/** The data of each event, comments left out. */
export async function* eventsOf(response: Response): AsyncGenerator<Parsed, void, void> {
  for await (const event of everyEventOf(response)) if (!isComment(event)) yield event;
}

export async function allEvents(response: Response): Promise<Parsed[]> {
  return (await everyEventOfWhole(response)).filter((event) => !isComment(event));
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
  return Buffer.concat(parts)
    .toString("utf8")
    .split("\n\n")
    .filter(Boolean)
    .map(readEvent)
    .filter((event) => !isComment(event));
}
