/** Bounded Amulet on the real chat model beside the repository: its promise at every token of twelve answers. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startBackend } from "@amulet-ts/backends";
import {
  answerPrompts,
  boundedMethod,
  type Explanation,
  guidanceScale,
  paperParameters,
  renderPrompts,
} from "@amulet-ts/core";
import { loadModel, type Model } from "@amulet-ts/models";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const shared = fileURLToPath(new URL("../../../shared/", import.meta.url));
const modelPath = `${shared}models/SmolLM2-135M-Instruct.Q4_1.gguf`;
const questionsPath = `${shared}fixtures/smollm2-135m-instruct/logits.json`;
const present = existsSync(modelPath) && existsSync(questionsPath);
if (!present)
  console.warn(
    "Skipped: the tests of bounded Amulet need model and fixtures in ../shared, which is not here.",
  );

const budget = 0.2;
/** The divergence is read back from float32 rows and summed in float64: good to seven digits. */
const rounding = 1e-6;
const questions: { readonly question: string }[] = present
  ? JSON.parse(readFileSync(questionsPath, "utf8")).cases
  : [];
const cases = questions.flatMap(({ question }) =>
  ["Your answer should be concise.", "Your answer should be uplifting."].map((preference) => ({
    question,
    preference,
  })),
);

describe.skipIf(!present)("SmolLM2-135M-Instruct, bounded to 0.2 nats (needs ../shared)", () => {
  let model: Model;
  beforeAll(async () => {
    const { memory } = await startBackend("wasm");
    model = await loadModel(modelPath, { memory });
  });
  afterAll(() => model?.dispose());

  test.each(cases)("“$question” + “$preference”: every token within the budget, x varies", async (asked) => {
    const explanations = await explainBounded(model, asked);
    const drifts = explanations.map(({ klFromPreference }) => klFromPreference);
    expect(Math.max(...drifts)).toBeLessThanOrEqual(budget + rounding);
    const scales = explanations.map(({ guidanceScale }) => guidanceScale!);
    const largest = guidanceScale(paperParameters);
    for (const x of scales) {
      expect(x).toBeGreaterThanOrEqual(1);
      // γ is a float32.
      expect(x).toBeLessThanOrEqual(largest + 1e-6);
    }
    expect(new Set(scales).size).toBeGreaterThan(1);
    // Where the dial is not at its end the budget is used: the bound is no blanket damping.
    const bound = explanations.filter(({ guidanceScale }) => guidanceScale! < largest - 1e-3);
    const spent = bound.map(({ klFromPreference }) => klFromPreference).sort((a, b) => a - b);
    expect(spent[spent.length >> 1]).toBeGreaterThan(0.99 * budget);
  });
});

async function explainBounded(
  model: Model,
  asked: { question: string; preference: string },
): Promise<readonly Explanation[]> {
  const options = { maxNewTokens: 40, explain: { alternatives: 0 } };
  const pieces = answerPrompts(model, renderPrompts(model, asked), [boundedMethod(budget)], options);
  for await (const { answer } of pieces) if (answer) return answer.explanations!;
  return [];
}
