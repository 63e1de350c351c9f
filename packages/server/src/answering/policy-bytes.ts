/** How much may be told where both prompts' whole policies are asked for with every token. */
import type { ChatModel } from "@amulet-ts/core";
import { ServerError } from "../errors.js";
import type { Order } from "./order.js";

/** A whole answer is one text at its end; what a stream's reader has not taken yet waits here. */
const mostBytes = { whole: 2 ** 26, stream: 2 ** 29 };

/**
 * Before anything is computed: of answers that are as long as they may be.
 *
 * @throws ServerError `bad-request`
 */
export function checkPolicyBytes({ steer, prompts, samples, maxNewTokens }: Order, model: ChatModel): void {
  if (!steer.policies) return;
  const ofToken = 2 * Float32Array.BYTES_PER_ELEMENT * model.vocabularySize;
  const tokens = samples * prompts.length * maxNewTokens;
  const most = steer.stream ? mostBytes.stream : mostBytes.whole;
  if (tokens * ofToken <= most) return;
  const room = Math.floor(most / ofToken);
  const inStream = steer.stream
    ? ""
    : `, or for a stream, which may have ${tokensIn(mostBytes.stream, ofToken)}`;
  throw new ServerError(
    "bad-request",
    `amulet.explain.policies takes ${format(ofToken)} bytes a token here, and the answers may have ${format(tokens)} tokens, ` +
      `n and prompts counted: that is ${format(tokens * ofToken)} bytes, and at most ${format(most)} are given` +
      `${steer.stream ? " in a stream" : " with whole answers"}. Ask for at most ${format(room)} tokens by max_tokens${inStream}, ` +
      "or for amulet.explain.alternatives alone.",
    { param: "amulet.explain.policies" },
  );
}

const tokensIn = (bytes: number, ofToken: number) => format(Math.floor(bytes / ofToken));
const format = (count: number) => count.toLocaleString("en");
