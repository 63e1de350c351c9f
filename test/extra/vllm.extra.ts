/**
 * A real vLLM, on the model in this repository, whose logits our own forward passes have too. Started by hand, since its
 * packages take gigabytes: docs/engines.md says how.
 */
import {
  amuletMethod,
  baseMethod,
  boundedMethod,
  chooseGreedily,
  type DecodeRequest,
  decode,
  type Engine,
  type LanguageModel,
  preferenceMethod,
  renderPrompts,
  withMinP,
} from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { openEngine } from "@amulet-ts/engines";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { float16CacheTolerance } from "@amulet-ts/testing/engines/float16";
import { afterAll, beforeAll, expect, test } from "vitest";

const { AMULET_VLLM_URL: address } = process.env;
if (!address)
  console.warn(
    "Skipped: the tests of a real vLLM need one that serves packages/embedded-model/model in float32, whose address " +
      "AMULET_VLLM_URL names.",
  );

withoutLeaks("wasm");

let engine: Engine;
let ours: Engine;
beforeAll(async () => {
  if (!address) return;
  engine = await openEngine({ engine: address, tokenizer: embeddedModelFolder, candidates: 64 });
  ours = await openEngine({ backend: "wasm" });
});
afterAll(async () => {
  await engine?.dispose();
  await ours?.dispose();
});

const question = "How do I make a cup of tea?";

async function tokensOf(model: LanguageModel, requests: readonly DecodeRequest[]) {
  const answers = requests.map((): { id: number; drift?: number; seen?: { preference: number } }[] => []);
  for await (const event of decode(model, requests))
    if (event.type === "token") answers[event.request]!.push(event);
  return answers;
}

function requests(): DecodeRequest[] {
  const methods = [baseMethod(), preferenceMethod(), withMinP(amuletMethod(), 0.1), boundedMethod(0.2)];
  return ["uplifting", "concise", "verbose"].flatMap((word) => {
    const prompts = renderPrompts(engine.model, {
      question,
      preference: `Your answer should be ${word}.`,
    });
    return methods.map((method) => ({
      ...prompts,
      method,
      choose: chooseGreedily,
      maxNewTokens: 40,
      reportDrift: method === methods[3],
    }));
  });
}

test.skipIf(!address)(
  "of twelve answers side by side nine are those of our own forward passes, and the three that are bounded keep to it",
  async () => {
    const [came, expected] = [
      await tokensOf(engine.model, requests()),
      await tokensOf(ours.model, requests()),
    ];
    // What bounded Amulet was not told moves its strength a little, and with it a token here and there.
    const isBounded = (_: unknown, i: number) => i % 4 === 3;
    const idsOf = (answers: typeof came) =>
      answers.map((answer) => answer.map(({ id }) => id)).filter((answer, i) => !isBounded(answer, i));
    expect(idsOf(came)).toEqual(idsOf(expected));
    for (const { drift, seen } of came.filter(isBounded).flat())
      expect(drift!).toBeLessThan(0.2 - Math.log(seen!.preference) + 1e-4);
  },
);

test.skipIf(!address)("log-probabilities are ours, for as many tokens as are asked for", async () => {
  const row = [...renderPrompts(engine.model, { question, preference: "Be brief." }).base];
  const [session, own] = [engine.model.openSession(1), ours.model.openSession(1)];
  const [told, whole] = [await session.append([row]), await own.append([row])];
  const [logs, logits] = [await told.logits_RC.data<"float32">(), await whole.logits_RC.data<"float32">()];
  const most = Math.max(...logits);
  const logZ = most + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
  expect(logs).toHaveLength(64);
  // Float32's unit is 2^-13 of float16's; its sums are longer, the root of which counts.
  const bound = (await float16CacheTolerance(row)) / 2 ** 6;
  for (const [column, log] of logs.entries())
    expect(Math.abs(logits[told.ids_C![column]!]! - logZ - log)).toBeLessThan(bound);
  for (const { logits_RC, rest_R1 } of [told, whole]) {
    logits_RC.dispose();
    rest_R1?.dispose();
  }
  await session.dispose();
  await own.dispose();
});
