/** Answers as completions of texts. */
import type { SaidToken } from "../answering/answers.js";
import type { Run } from "../answering/run.js";
import { textOf } from "../answering/token-text.js";
import type { CompletionProbabilities, CompletionResponse } from "../protocol/completions.js";
import { finite, steeredOf, tokensOf } from "./chat-form.js";
import type { Form } from "./delivery.js";

export function textForm(
  { head, tokenizer }: Run,
  withProbabilities: boolean,
): Form<CompletionResponse, CompletionResponse> {
  /** Where the next token of each choice begins in its text. */
  const offsets = new Map<number, number>();
  const describeTokens = (choice: number, tokens: readonly SaidToken[]): CompletionProbabilities => {
    if (!withProbabilities) return null;
    const texts = tokens.map(({ id }) => textOf(id, tokenizer).token);
    const text_offset = texts.map((text) => {
      const at = offsets.get(choice) ?? 0;
      offsets.set(choice, at + text.length);
      return at;
    });
    return {
      tokens: texts,
      token_logprobs: tokens.map(({ logProbability }) => finite(logProbability)),
      top_logprobs: tokens.map(({ candidates }) =>
        Object.fromEntries(
          candidates.map(({ id, logProbability }) => [textOf(id, tokenizer).token, finite(logProbability)]),
        ),
      ),
      text_offset,
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
