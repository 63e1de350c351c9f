/** Answers as chat completions. */
import type { ChoicePiece, SaidToken } from "../answering/answers.js";
import type { Candidate } from "../answering/choosing.js";
import { describeExplanation } from "../answering/explain.js";
import type { Run } from "../answering/run.js";
import { textOf } from "../answering/token-text.js";
import type { ChatChunk, ChatResponse, ContentProbability, TokenProbability } from "../protocol/chat.js";
import type { Steered } from "../protocol/steering.js";
import type { Form } from "./delivery.js";

export function chatForm(
  { head, tokenizer }: Run,
  withProbabilities: boolean,
): Form<ChatResponse, ChatChunk> {
  const probabilities = (tokens: readonly SaidToken[]) =>
    withProbabilities
      ? { content: tokens.map((token) => describeToken(token, tokenizer)), refusal: null }
      : null;
  const chunk = (choices: ChatChunk["choices"]): ChatChunk => ({
    ...head,
    object: "chat.completion.chunk",
    choices,
  });
  return {
    open: (index) =>
      chunk([{ index, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null }]),
    chunk: ({ choice, text, token, finishReason }) => {
      const tokens = token ? [token] : [];
      const steered = steeredOf(tokens, tokenizer);
      if (text === "" && !finishReason && !steered && !(token && withProbabilities)) return undefined;
      return chunk([
        {
          index: choice,
          delta: text === "" ? {} : { content: text },
          logprobs: token ? probabilities(tokens) : null,
          finish_reason: finishReason ?? null,
          ...(steered && { amulet: steered }),
        },
      ]);
    },
    usageChunk: (usage) => ({ ...chunk([]), usage }),
    whole: (choices, usage) => ({
      ...head,
      object: "chat.completion",
      choices: choices.map(({ index, text, pieces, finishReason }) => {
        const steered = steeredOf(tokensOf(pieces), tokenizer);
        return {
          index,
          message: { role: "assistant", content: text, refusal: null },
          logprobs: probabilities(tokensOf(pieces)),
          finish_reason: finishReason,
          ...(steered && { amulet: steered }),
        };
      }),
      usage,
    }),
  };
}

export function tokensOf(pieces: readonly ChoicePiece[]): SaidToken[] {
  return pieces.flatMap(({ token }) => (token ? [token] : []));
}

/** What was explained of these tokens; undefined where nothing was. */
export function steeredOf(tokens: readonly SaidToken[], tokenizer: Run["tokenizer"]): Steered | undefined {
  const explained = tokens.flatMap(({ explanation, rows }) =>
    explanation ? [describeExplanation(explanation, tokenizer, rows)] : [],
  );
  return explained.length === 0 ? undefined : { tokens: explained };
}

function describeToken(token: SaidToken, tokenizer: Run["tokenizer"]): ContentProbability {
  return {
    ...describeCandidate(token, tokenizer),
    top_logprobs: token.candidates.map((candidate) => describeCandidate(candidate, tokenizer)),
  };
}

function describeCandidate({ id, logProbability }: Candidate, tokenizer: Run["tokenizer"]): TokenProbability {
  const { token, bytes } = textOf(id, tokenizer);
  return { token, logprob: finite(logProbability), bytes: [...bytes] };
}

/** JSON has no infinities: what OpenAI sends for a token that can't come. */
export function finite(logProbability: number): number {
  return Math.max(-9999, logProbability);
}
