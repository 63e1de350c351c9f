import { createHash, timingSafeEqual } from "node:crypto";
import { ServerError } from "../errors.js";

const digest = (text: string) => createHash("sha256").update(text).digest();

/**
 * Compares the bearer token of a header with the key, in the same time whatever differs: both are hashed first, so that
 * neither length shows.
 *
 * @throws ServerError `bad-key`
 */
export function checkKey(header: string | undefined, key: string): void {
  const [, token] = /^Bearer +(.+)$/i.exec(header ?? "") ?? [];
  if (timingSafeEqual(digest(token ?? ""), digest(key)) && token !== undefined) return;
  const why =
    token === undefined
      ? "There is no API key: send it as Authorization: Bearer KEY."
      : "The API key is wrong.";
  throw new ServerError("bad-key", why);
}
