/** Answers of many settings in one tree, against core's own loop on each alone. */
import {
  amuletExactMethod,
  baseMethod,
  boundedMethod,
  chooseGreedily,
  decode,
  guidanceMethod,
  linearAlignmentMethod,
  type Method,
  paperParameters,
  preferenceMethod,
  renderPrompts,
  withPlausibility,
} from "@amulet-ts/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { answerUnderSettings } from "../src/answers/answer-pairs.js";
import { answerPairs, type Pair, type Setting, strengthOfIterations } from "../src/index.js";
import { answering, pairs, withTinyModel } from "./tiny-model.js";

const tiny = withTinyModel();
/** Core's own loop on one pair alone: what every answer of the study is held against. */
async function answerAlone(pair: Pair, method: Method, maxNewTokens = answering.maxNewTokens) {
  const { base, preferences } = renderPrompts(tiny.model, pair);
  const stream = tiny.model.textStream();
  let [text, tokens, finishReason] = ["", 0, ""];
  const requests = [{ base, preferences, method, choose: chooseGreedily, maxNewTokens }];
  for await (const event of decode(tiny.model, requests)) {
    if (event.type === "end") finishReason = event.reason;
    else {
      text += stream.push(event.id);
      tokens++;
    }
  }
  return { text: text + stream.flush(), tokens, finishReason };
}

/** Settings with the method that each amounts to. */
const amountsTo: readonly (readonly [string, Setting, Method])[] = [
  ["x = 0", { kind: "dial", value: 0 }, baseMethod()],
  ["x = 1", { kind: "dial", value: 1 }, preferenceMethod()],
  ["x = 2", { kind: "dial", value: 2 }, guidanceMethod(2)],
  ["T = 0", { kind: "loop", value: 0 }, preferenceMethod()],
  ["no budget", { kind: "bounded", value: 0 }, preferenceMethod()],
  ["a budget", { kind: "bounded", value: 0.1 }, boundedMethod(0.1)],
  ["x of T = 60", { kind: "dial", value: strengthOfIterations(60) }, amuletExactMethod(paperParameters)],
  ["T = 5", { kind: "loop", value: 5 }, guidanceMethod(strengthOfIterations(5))],
  ["a mask", { kind: "masked", value: 2 }, withPlausibility(linearAlignmentMethod(2))],
];

describe("answers", () => {
  test("of many settings in one tree are those that core's own loop gives one by one", async () => {
    const settings = amountsTo.map(([, setting]) => setting);
    const tree = await answerUnderSettings(tiny.model, pairs.slice(0, 5), settings, answering);
    for (const [s, [name, , method]] of amountsTo.entries()) {
      for (const [i, pair] of pairs.slice(0, 5).entries()) {
        const { text, tokens, finishReason } = tree[s]![i]!;
        expect({ name, text, tokens, finishReason }).toEqual({ name, ...(await answerAlone(pair, method)) });
      }
    }
  });

  test("end where the context is full", async () => {
    const long = { ...answering, maxNewTokens: 1000 };
    const [answer] = await answerPairs(tiny.model, pairs.slice(0, 1), { kind: "dial", value: 2 }, long);
    const alone = await answerAlone(pairs[0]!, guidanceMethod(2), 1000);
    expect({ ...answer, drift: 0 }).toEqual({ ...alone, drift: 0 });
  });

  test("the dial without its shortcuts at 0 and 1 gives the same answers", async () => {
    for (const x of [0, 1]) {
      const answers = await answerPairs(tiny.model, pairs, { kind: "dial", value: x }, answering);
      for (const [i, pair] of pairs.slice(0, 6).entries())
        expect(answers[i]!.text).toBe((await answerAlone(pair, guidanceMethod(x))).text);
    }
  });

  test("drift is the KL that a preference prompt alone has none of, and grows with x", async () => {
    const driftAt = async (x: number) =>
      (
        await answerPairs(tiny.model, pairs, { kind: "dial", value: x }, { ...answering, maxNewTokens: 1 })
      ).map(({ drift }) => drift!);
    const [still, some, more] = [await driftAt(1), await driftAt(2), await driftAt(6)];
    for (const [i, drift] of still.entries()) {
      expect(drift).toBeLessThan(1e-9);
      expect(some[i]!).toBeGreaterThan(drift);
      expect(more[i]!).toBeGreaterThan(some[i]!);
    }
  });

  test("drift is Σ π (log π − log π_pref) of the policies that the method gives", async () => {
    const [pair] = pairs as [Pair];
    const [answer] = await answerPairs(
      tiny.model,
      [pair],
      { kind: "dial", value: 3 },
      { ...answering, maxNewTokens: 1 },
    );
    const { base, preferences } = renderPrompts(tiny.model, pair);
    const prompts = [base, preferences[0]!.tokens];
    const logits = tf.tidy(() => {
      using session = tiny.model.openTensorSession(2);
      return session.append(prompts).arraySync();
    });
    const log = (row: number[]) => row.map((v) => v - Math.log(row.reduce((sum, w) => sum + Math.exp(w), 0)));
    const [logBase, logPreference] = logits.map(log) as [number[], number[]];
    const policy = log(logPreference.map((p, v) => p + 2 * (p - logBase[v]!)));
    const drift = policy.reduce((sum, p, v) => sum + Math.exp(p) * (p - logPreference[v]!), 0);
    expect(answer!.drift).toBeCloseTo(drift, 4);
  });

  test("drawn answers depend on the pair and the seed, not on the batch", async () => {
    const drawing = { ...answering, temperature: 1, seed: 9 };
    const setting = { kind: "dial", value: 2 } as const;
    const together = await answerPairs(tiny.model, pairs.slice(0, 4), setting, drawing);
    const apart = await answerPairs(tiny.model, pairs.slice(2, 4), setting, drawing, 2);
    expect(apart.map(({ text }) => text)).toEqual(together.slice(2).map(({ text }) => text));
    const other = await answerPairs(tiny.model, pairs.slice(0, 4), setting, { ...drawing, seed: 10 });
    expect(other.map(({ text }) => text)).not.toEqual(together.map(({ text }) => text));
  });
});
