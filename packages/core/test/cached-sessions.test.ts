/** Changes between two tokens, on transformers with a cache: here a rewound row could remember what it forgot. */

import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { backendUnderTest } from "@amulet-ts/testing/backends/under-test";
import { loadFixture, readReference } from "@amulet-ts/testing/reference/checkpoints";
import { oracles } from "@amulet-ts/verify";
import { expect, test } from "vitest";
import {
  type Change,
  type DecodeRequest,
  decode,
  guidanceMethod,
  type LanguageModel,
  preferenceMethod,
} from "../src/index.js";

withoutLeaks(backendUnderTest("wasm"));

const answer = [7, 31, 5, 40, 12, 3, 27, 9];
const start = Array.from({ length: 14 }, (_, i) => (i * 37 + 11) % 50);
const first = [{ tokens: [...start, 1, 2, 3] }];
const strength = 2;

const changes: Readonly<Record<number, Change>> = {
  2: { preferences: [{ tokens: [...start, 8, 9, 10] }] },
  4: { method: preferenceMethod(), preferences: [{ tokens: [...start.slice(0, 9), 1, 2] }] },
  6: { method: guidanceMethod(strength), preferences: [{ tokens: [4] }, { tokens: start, weight: -0.5 }] },
};

/** The policies before each token of an answer that is dictated, so that no difference can grow. */
async function policiesOf(model: LanguageModel, change: Partial<DecodeRequest>, dictated: readonly number[]) {
  const policies: Float32Array[] = [];
  const request: DecodeRequest = {
    base: start,
    preferences: first,
    method: guidanceMethod(strength),
    choose: (logPolicy_V) => {
      policies.push(logPolicy_V.slice());
      return dictated[policies.length - 1]!;
    },
    maxNewTokens: dictated.length,
    ...change,
  };
  for await (const _ of decode(model, [request]));
  return policies;
}

/** What is in force at this token. */
function requestAt(token: number): Partial<DecodeRequest> {
  const said = answer.slice(0, token);
  const before = Object.entries(changes).filter(([at]) => Number(at) <= token);
  const { method, preferences = first }: Change = Object.assign({}, ...before.map(([, change]) => change));
  return {
    base: [...start, ...said],
    preferences: preferences.map(({ tokens, ...rest }) => ({ tokens: [...tokens, ...said], ...rest })),
    ...(method && { method }),
  };
}

/** How far a float32 run of this checkpoint is from its float64 logits, as the fixture states it. */
function statedError(checkpoint: string): number {
  return Math.max(...readReference(checkpoint).map((one) => one.max_abs_float32_error));
}

const families = ["gpt2", "llama-gqa-tied", "qwen3", "gemma3-text", "mistral-sliding"];

test.for(families)("a changed preference on %s is as if it had been there all along", async (name) => {
  using model = await loadFixture(name);
  const beforeToken = ({ length }: readonly number[]) => changes[length];
  const policies = await policiesOf(model, { beforeToken }, answer);
  expect(policies).toHaveLength(answer.length);
  for (const [token, policy] of policies.entries()) {
    const [afresh] = await policiesOf(model, requestAt(token), [answer[token]!]);
    // Two float32 runs, each off by what the fixture states for one; x = 2 and weights of 1 and 0.5 take at most
    // 4 of each log-policy, and normalising doubles an error at most.
    expect(oracles.totalVariation(policy, afresh!)).toBeLessThan(2 * 4 * 2 * statedError(name));
  }
});
