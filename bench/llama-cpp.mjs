/** An Amulet token on llama.cpp beside llama.cpp's own pair of tokens, whose logits nobody reads: what leaving it costs. */
import { existsSync } from "node:fs";
import { amuletMethod, chooseGreedily, Decoder } from "@amulet-ts/core";
import { openEngine } from "@amulet-ts/engines";
import { machine, median, printTable, time } from "./measure.mjs";
import { OwnPair } from "./parts/own-pair.mjs";

export const title = "an Amulet token on llama.cpp";
/** Needs packages that a clone lacks. */
export const onlyWhenNamed = true;
const steps = 60;
const warmUps = 6;

export async function run({ modelPath, backend }) {
  if (!existsSync(modelPath))
    return console.log(`Skipped: there is no model at ${modelPath} (give one with --model).`);
  const engine = await openEngine({ engine: "llama.cpp", model: modelPath, backend });
  const { description, version } = engine.backend;
  console.log(`${engine.model.name}, ${version} (${description}), ${machine()}\n`);
  const { loop, pass, pair } = await measure(engine.model);
  const ratio = (times) => median(times.map((ms, i) => ms / pair[i]));
  const row = (name, times) => [name, median(times), ratio(times)];
  printTable(
    ["", "ms", "ratio"],
    [
      row("llama.cpp's own pair, no logits read", pair),
      row("the session's append, logits as a tensor", pass),
      row("an Amulet token by the decode loop", loop),
    ],
  );
  await engine.dispose();
}

/** Steps of all three in turns, over rows of the same lengths. */
async function measure(model) {
  const { ids: base } = model.renderChat([{ role: "user", content: "How do I make a cup of tea?" }]);
  const { ids: preference } = model.renderChat([
    { role: "user", content: "How do I make a cup of tea? Your answer should be concise." },
  ]);
  // No token ends the answer.
  const decoder = new Decoder(Object.create(model, { endTokens: { value: new Set() } }));
  const room = { maxNewTokens: steps + warmUps + 2, choose: chooseGreedily, method: amuletMethod() };
  decoder.join({ base, preference, ...room });
  await decoder.step();
  const session = model.openSession(2);
  (await session.append([base, preference])).logits_RC.dispose();
  const own = new OwnPair(model.loaded);
  own.decode([base, preference]);
  const times = { loop: [], pass: [], pair: [] };
  for (let step = -warmUps; step < steps && !decoder.isIdle; step++) {
    const pair = await time(() => own.step());
    const loop = await time(() => decoder.step());
    const pass = await time(async () => (await session.append([[7], [7]])).logits_RC.dispose());
    if (step < 0) continue;
    times.pair.push(pair);
    times.loop.push(loop);
    times.pass.push(pass);
  }
  await decoder.dispose();
  await session.dispose();
  own.free();
  return times;
}
