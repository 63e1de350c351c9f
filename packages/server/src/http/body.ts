/** A request's body: no longer and no slower than it may be. */
import type { IncomingMessage } from "node:http";
import { ServerError } from "../errors.js";

export interface BodyBounds {
  readonly bytes: number;
  readonly milliseconds: number;
}

/**
 * Reads to its end. What is too long is refused while it arrives; the connection is then not used again.
 *
 * @throws ServerError `encoded-body`, `too-large`, `too-slow`; `bad-request` where the client went away in the middle
 */
export function readBody(incoming: IncomingMessage, bounds: BodyBounds): Promise<Buffer> {
  const encoding = incoming.headers["content-encoding"] ?? "";
  if (!/^(identity)?$/i.test(encoding.trim())) return Promise.reject(encoded(encoding));
  const announced = Number(incoming.headers["content-length"]);
  if (announced > bounds.bytes) return Promise.reject(tooLarge(bounds));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const end = (settle: () => void) => {
      clearTimeout(timer);
      incoming.off("data", take).off("end", finish).off("close", breakOff).off("error", breakOff);
      settle();
    };
    const take = (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= bounds.bytes) return;
      incoming.pause();
      end(() => reject(tooLarge(bounds)));
    };
    const finish = () => end(() => resolve(Buffer.concat(chunks)));
    const breakOff = () => end(() => reject(new ServerError("bad-request", "The body broke off.")));
    const timer = setTimeout(() => {
      incoming.pause();
      end(() => reject(tooSlow(bounds)));
    }, bounds.milliseconds);
    incoming.on("data", take).once("end", finish).once("close", breakOff).once("error", breakOff);
  });
}

function encoded(encoding: string): ServerError {
  const told = JSON.stringify(encoding.slice(0, 40));
  return new ServerError(
    "encoded-body",
    `The body must come as it is; its content-encoding is ${told}: send it without content-encoding, unpacked.`,
  );
}

function tooLarge({ bytes }: BodyBounds): ServerError {
  return new ServerError("too-large", `The body must have at most ${bytes} bytes.`);
}

function tooSlow({ milliseconds }: BodyBounds): ServerError {
  return new ServerError("too-slow", `The body must be here within ${milliseconds / 1000} seconds.`);
}
