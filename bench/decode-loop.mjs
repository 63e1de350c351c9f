/** A token by the decode loop beside the forward pass alone: what sharing rows, choosing and turning the event loop cost. */
import { existsSync } from "node:fs";
import { amuletMethod, chooseGreedily, Decoder } from "@amulet-ts/core";
import { median, printTable, startModel, time } from "./measure.mjs";

export const title = "decode loop";
const contextTokens = 48;
const steps = 24;
const warmUps = 4;
/** Answers side by side; each reads two rows. */
const sizes = [1, 4];

export async function run({ modelPath, backend }) {
  if (!existsSync(modelPath))
    return console.log(`Skipped: there is no model at ${modelPath} (give one with --model).`);
  const { model } = await startModel(modelPath, backend);
  const rows = [];
  for (const size of sizes) {
    const { loop, pass } = await measure(model, size);
    const ratio = median(loop.map((ms, i) => ms / pass[i]));
    rows.push([`${2 * size} rows: a step of the loop`, median(loop), ratio]);
    rows.push([`${2 * size} rows: the forward pass alone`, median(pass), 1]);
  }
  printTable(["", "ms", "ratio"], rows);
  model.dispose();
}

/** Steps of both in turns, over rows of the same lengths. */
async function measure(model, size) {
  const prompts = Array.from({ length: size }, (_, i) => makePrompts(model, i));
  const decoder = new Decoder(model);
  const method = amuletMethod();
  const room = { maxNewTokens: steps + warmUps + 2, choose: chooseGreedily, method };
  for (const prompt of prompts) decoder.join({ ...prompt, ...room });
  const session = model.openSession(2 * size);
  (await session.append(prompts.flatMap(({ base, preference }) => [base, preference]))).logits_RC.dispose();
  await decoder.step();
  const next = Array.from({ length: 2 * size }, () => [7]);
  const times = { loop: [], pass: [] };
  for (let step = -warmUps; step < steps && !decoder.isIdle; step++) {
    const loop = await time(() => decoder.step());
    const pass = await time(async () => {
      const { logits_RC } = await session.append(next);
      await logits_RC.data();
      logits_RC.dispose();
    });
    if (step < 0) continue;
    times.loop.push(loop);
    times.pass.push(pass);
  }
  await decoder.dispose();
  await session.dispose();
  return times;
}

/** Prompts that differ from their first token on, so that no row is shared. */
function makePrompts({ vocabularySize }, index) {
  const row = (seed) => Array.from({ length: contextTokens }, (_, i) => (seed + i * 37) % vocabularySize);
  return { base: row(2 * index + 1), preference: row(2 * index + 2) };
}
