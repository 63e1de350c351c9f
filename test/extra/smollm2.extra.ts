/** The real chat model beside the repository, held against float64 logits and the published code's tokens. */
import { startBackend } from "@amulet-ts/backends";
import {
  amuletExactMethod,
  amuletMethod,
  chooseGreedily,
  createChooser,
  type DecodeRequest,
  decode,
  linearAlignmentMethod,
} from "@amulet-ts/core";
import { loadModel, type Model } from "@amulet-ts/models";
import { backendUnderTest, expectWithin, thirdOnOthers } from "@amulet-ts/testing/backends/under-test";
import { readSafetensors } from "@amulet-ts/testing/files/read-safetensors";
import { distance, prefill } from "@amulet-ts/testing/reference/checkpoints";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AmuletRun, hasSmol, readSmolJson, smolFixture, smolPath } from "./smollm2-files.js";

if (!hasSmol)
  console.warn("Skipped: the SmolLM2 tests need the model and fixtures in ../shared, which is not here.");

interface LogitsCase {
  readonly question: string;
  readonly prompt: string;
  readonly ids: number[];
  readonly last_logits: string;
  readonly top5_ids: number[][];
  readonly top5_logits: number[][];
  readonly greedy_32: number[];
}

const cases: LogitsCase[] = hasSmol ? readSmolJson("logits.json").cases : [];
const runs: readonly AmuletRun[] = hasSmol
  ? thirdOnOthers<AmuletRun>(readSmolJson("amulet.json").runs, "wasm")
  : [];

/** Below this margin between best and second score, float32 may choose the other one. */
const undecided = 1e-3;
const logitTolerance = 1e-3;

/** Tokens of each request, the end token included where it was chosen. */
async function decodeAll(model: Model, requests: readonly DecodeRequest[]): Promise<number[][]> {
  const tokens = requests.map((): number[] => []);
  for await (const event of decode(model, requests)) {
    if (event.type === "token") tokens[event.request]!.push(event.id);
    else if (event.reason === "stop") tokens[event.request]!.push([...model.endTokens][0]!);
  }
  return tokens;
}

const backend = backendUnderTest("wasm");

describe.skipIf(!hasSmol)(`SmolLM2-135M-Instruct on ${backend} (needs ../shared)`, () => {
  let model: Model;
  beforeAll(async () => {
    const { memory } = await startBackend(backend);
    model = await loadModel(smolPath, { memory });
  });
  afterAll(() => {
    model?.dispose();
    expect(tf.memory().numTensors, "tensors left behind").toBe(0);
  });

  test.each(cases)("the logits of “$question” are the float64 reference's", async ({ ids, ...expected }) => {
    using session = model.openTensorSession(1);
    const [logits_TV] = session.appendAll([ids]);
    const values = await logits_TV!.data();
    logits_TV!.dispose();
    const V = model.vocabularySize;
    const worst = expected.top5_ids.flatMap((row, t) =>
      row.map((id, i) => Math.abs(values[t * V + id]! - expected.top5_logits[t]![i]!)),
    );
    expectWithin(Math.max(...worst), logitTolerance);
    const last = readSafetensors(smolFixture("logits.safetensors")).get(
      `logits.${cases.findIndex((one) => one.ids === ids)}`,
    )!;
    const offset = (ids.length - 1) * V;
    expect(last.data.length).toBe(V);
    const worstLast = Math.max(...Array.from(last.data, (value, i) => Math.abs(values[offset + i]! - value)));
    expectWithin(worstLast, logitTolerance);
  });

  test("weights that stay as the file stores them give the logits of those in float32", async () => {
    using stored = await loadModel(smolPath, { weights: "stored" });
    const ids = cases[0]!.ids.slice(0, 12);
    const [came, expected] = [await prefill(stored, ids), await prefill(model, ids)];
    expectWithin(distance(came, expected), logitTolerance);
  });

  test.each(cases)(
    "“$question” is rendered and answered as the reference does",
    async ({ question, prompt, ids, greedy_32 }) => {
      const chat = model.renderChat([{ role: "user", content: question }]);
      expect(chat.prompt).toBe(prompt);
      expect(chat.ids).toEqual(ids);
      const request = {
        base: ids,
        preference: ids,
        method: amuletMethod(),
        choose: chooseGreedily,
        maxNewTokens: greedy_32.length,
      };
      expect((await decodeAll(model, [request]))[0]!.slice(0, greedy_32.length)).toEqual(greedy_32);
    },
  );

  test.each(runs)(
    "“$question” + “$preference”, T = $iterations, α = $alpha: the published code's tokens",
    async (run) => {
      const common = { base: run.base_ids, preference: run.preference_ids, choose: chooseGreedily };
      const [amulet, exact, alignment] = await decodeAll(model, [
        { ...common, method: amuletMethod(run), maxNewTokens: run.amulet_tokens.length },
        { ...common, method: amuletExactMethod(run), maxNewTokens: run.amulet_tokens.length },
        {
          ...common,
          method: linearAlignmentMethod(run.linear_alignment_ratio),
          maxNewTokens: run.linear_alignment_tokens.length,
        },
      ]);
      const decided = run.margins.findIndex((margin) => margin < undecided);
      const length = decided < 0 ? run.amulet_tokens.length : decided;
      expect(amulet!.slice(0, length)).toEqual(run.amulet_tokens.slice(0, length));
      expect(exact!.slice(0, length)).toEqual(run.amulet_tokens.slice(0, length));
      expect(alignment).toEqual(run.linear_alignment_tokens);
    },
  );

  test("200 tokens leave no tensor behind, and the same seed gives the same text", async () => {
    const { base_ids: base, preference_ids: preference } = runs[0]!;
    const before = tf.memory().numTensors;
    const sample = async (maxNewTokens: number) => {
      const choose = createChooser({ seed: 5, temperature: 1.5, minNewTokens: 200 });
      return (
        await decodeAll(model, [{ base, preference, method: amuletMethod(), choose, maxNewTokens }])
      )[0]!;
    };
    const long = await sample(200);
    expect(long).toHaveLength(200);
    expect(tf.memory().numTensors).toBe(before);
    expect(await sample(20)).toEqual(long.slice(0, 20));
  });
});
