/** Answers as completions of texts. */
import type { TextStream } from "@amulet-ts/core";
import type { SaidToken } from "../answering/answers.js";
import type { Run } from "../answering/run.js";
import { nameOf, namesOf } from "../answering/token-text.js";
import type { CompletionProbabilities, CompletionResponse } from "../protocol/completions.js";
import { finite, steeredOf, tokensOf } from "./chat-form.js";
import type { Form } from "./delivery.js";

export function textForm(
  { head, model, tokenizer }: Run,
  withProbabilities: boolean,
): Form<CompletionResponse, CompletionResponse> {
  /** The text of each choice as far as its tokens go: a token begins where that ends, in the middle of a character too. */
  const texts = new Map<number, { readonly stream: TextStream; length: number }>();
  const offsetOf = (choice: number, id: number): number => {
    const text = texts.get(choice) ?? { stream: model.textStream(), length: 0 };
    texts.set(choice, text);
    const at = text.length;
    text.length += text.stream.push(id).length;
    return at;
  };
  const describeTokens = (choice: number, tokens: readonly SaidToken[]): CompletionProbabilities => {
    if (!withProbabilities) return null;
    const names = tokens.map(({ candidates }) =>
      namesOf(
        candidates.map(({ id }) => id),
        tokenizer,
      ),
    );
    return {
      tokens: tokens.map(({ id }, i) => names[i]!.get(id) ?? nameOf(id, tokenizer)),
      token_logprobs: tokens.map(({ logProbability }) => finite(logProbability)),
      top_logprobs: tokens.map(({ candidates }, i) =>
        Object.fromEntries(
          candidates.map(({ id, logProbability }) => [names[i]!.get(id)!, finite(logProbability)]),
        ),
      ),
      text_offset: tokens.map(({ id }) => offsetOf(choice, id)),
    };
  };
  const answer = (choices: CompletionResponse["choices"]): CompletionResponse => ({
    ...head,
    object: "text_completion",
    choices,
  });
  return {
    open: () => undefined,
    chunk: ({ choice, text, token, finishReason }) => {
      const tokens = token ? [token] : [];
      const steered = steeredOf(tokens, tokenizer);
      if (text === "" && !finishReason && !steered && !(token && withProbabilities)) return undefined;
      return answer([
        {
          index: choice,
          text,
          logprobs: token ? describeTokens(choice, tokens) : null,
          finish_reason: finishReason ?? null,
          ...(steered && { amulet: steered }),
        },
      ]);
    },
    usageChunk: (usage) => ({ ...answer([]), usage }),
    whole: (choices, usage) => ({
      ...answer(
        choices.map(({ index, text, pieces, finishReason }) => {
          const steered = steeredOf(tokensOf(pieces), tokenizer);
          return {
            index,
            text,
            logprobs: describeTokens(index, tokensOf(pieces)),
            finish_reason: finishReason,
            ...(steered && { amulet: steered }),
          };
        }),
      ),
      usage,
    }),
  };
}
