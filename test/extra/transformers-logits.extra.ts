/**
 * Real models in K types on the default backend against what transformers made of the same files, dequantised to float32
 * (recorded by gguf-transformers.py): ids of texts, of a chat where the model has a template, and logits within 1e-3.
 * AMULET_QWEN_GGUF names Qwen2.5-Coder-0.5B-Instruct's Q4_K_M, AMULET_GEMMA_GGUF Gemma 3 270M's.
 */
import { existsSync, readFileSync } from "node:fs";
import { startBackend } from "@amulet-ts/backends";
import { loadModel, type Model } from "@amulet-ts/models";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

interface Recorded {
  readonly texts: readonly { readonly text: string; readonly ids: readonly number[] }[];
  /** Of the chat that was rendered; absent where the model has no template. */
  readonly question?: string;
  readonly ids: readonly number[];
  readonly rows: readonly RecordedRow[];
}

/** What follows the token at a position. */
interface RecordedRow {
  readonly position: number;
  readonly topIds: readonly number[];
  readonly top: readonly number[];
  readonly sampled: readonly number[];
  readonly signedSums: readonly number[];
}

const { AMULET_QWEN_GGUF: qwen = "", AMULET_GEMMA_GGUF: gemma = "" } = process.env;
const files = [
  ["Qwen2.5-Coder-0.5B-Instruct", "AMULET_QWEN_GGUF", qwen, "qwen2.5-coder-0.5b"],
  ["Gemma 3 270M", "AMULET_GEMMA_GGUF", gemma, "gemma-3-270m"],
] as const;

describe.each(files)("%s, Q4_K_M, beside transformers", (label, variable, path, name) => {
  const isHere = existsSync(path);
  if (!isHere) console.warn(`Skipped: ${label} beside transformers; ${variable} names no file.`);
  const recorded: Recorded = JSON.parse(
    readFileSync(new URL(`recorded/${name}.transformers.json`, import.meta.url), "utf8"),
  );
  let model: Model;
  beforeAll(async () => {
    if (!isHere) return;
    await startBackend("wasm");
    model = await loadModel(path);
  });
  afterAll(() => model?.dispose());

  test.skipIf(!isHere)("texts have its ids", () => {
    const { beginToken, addsBeginToken } = model.tokenizer;
    for (const { text, ids } of recorded.texts)
      expect([...(addsBeginToken ? [beginToken] : []), ...model.tokenizer.encode(text)], text).toEqual(ids);
    if (recorded.question)
      expect(model.renderChat([{ role: "user", content: recorded.question }]).ids).toEqual(recorded.ids);
  });

  test.skipIf(!isHere)("logits are its own within 1e-3", async () => {
    using session = model.openTensorSession(1);
    const errors: number[] = [];
    const sums: number[] = [];
    for (const row of recorded.rows) {
      // Prompts go by way of scratch; the last ones are steps, in registers.
      const logits = session.append([recorded.ids.slice(session.lengths[0], row.position + 1)]);
      const values = (await logits.data()) as Float32Array;
      logits.dispose();
      errors.push(worstError(values, row));
      sums.push(worstSum(values, row));
    }
    const show = (list: readonly number[]) => list.map((error) => error.toExponential(1)).join(", ");
    console.log(`${label}: largest errors of logits ${show(errors)}; of sums ${show(sums)}`);
    for (const error of errors) expect(error).toBeLessThan(1e-3);
    for (const error of sums) expect(error).toBeLessThan(1e-2);
  });
});

function worstError(logits: Float32Array, { topIds, top, sampled }: RecordedRow): number {
  return most([
    ...top.map((value, i) => logits[topIds[i]!]! - value),
    ...sampled.map((value, i) => logits[1009 * i]! - value),
  ]);
}

/** Sums of all logits, as the errors of V of them add up, to some √V of one: a logit that is off by 5 shows. */
function worstSum(logits: Float32Array, { signedSums }: RecordedRow): number {
  return most(signedSums.map((sum, bit) => (signedSum(logits, bit) - sum) / Math.sqrt(logits.length)));
}

function most(errors: readonly number[]): number {
  return errors.some(Number.isNaN) ? Number.POSITIVE_INFINITY : Math.max(...errors.map(Math.abs));
}

const signedSum = (logits: Float32Array, bit: number) =>
  logits.reduce((sum, logit, id) => sum + (((id >> bit) & 1) === 1 ? -logit : logit), 0);
