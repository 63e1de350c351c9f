import { CoreError } from "../errors.js";
import { checkGiven, list } from "../port/given.js";
import type { PrefillOptions } from "../port/reading.js";
import type { LanguageModel } from "../port/session.js";
import { Decoder } from "./decoder.js";
import type { DecodeEvent, DecodeRequest } from "./request.js";

/**
 * Generates any number of answers side by side, all rows in one forward pass per token. What several requests read
 * and say alike is read once; an answer that has ended leaves the batch. A {@link Decoder} with a fixed list.
 *
 * The end token is not yielded. Leaving the loop early frees everything.
 *
 * @throws CoreError `bad-request`, `context-overflow`, `not-covered`, `not-finite`, `aborted`
 */
export async function* decode(
  model: LanguageModel,
  requests: readonly DecodeRequest[],
  options: PrefillOptions = {},
): AsyncGenerator<DecodeEvent, void, void> {
  checkGiven(requests, list, "The requests");
  if (requests.length === 0)
    throw new CoreError("bad-request", "There is nothing to answer: give at least one request.");
  const decoder = new Decoder(model, options);
  try {
    for (const request of requests) decoder.join(request);
    while (!decoder.isIdle) yield* await decoder.step();
  } finally {
    await decoder.dispose();
  }
}
