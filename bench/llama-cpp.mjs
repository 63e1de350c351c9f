/** An Amulet token on llama.cpp beside llama.cpp's own pair of tokens, whose logits nobody reads: what leaving it costs. */
import { existsSync } from "node:fs";
import { amuletMethod, chooseGreedily, Decoder } from "@amulet-ts/core";
import { openEngine } from "@amulet-ts/engines";
import { TokenBatch } from "../packages/engines/dist/llama-cpp/native/token-batch.js";
import { machine, median, printTable } from "./measure.mjs";

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
  const own = new OwnPair(model.loaded, [base, preference]);
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

/** Two sequences in a context of their own, by llama.cpp's functions alone and on this thread. */
class OwnPair {
  constructor({ llama, address, threads }, prompts) {
    this.native = llama.native;
    this.threads = threads;
    this.context = this.native.llama_init_from_model(address, {
      ...this.native.llama_context_default_params(),
      n_ctx: 1024,
      n_seq_max: 2,
      n_threads: threads.most,
      n_threads_batch: threads.most,
      kv_unified: true,
    });
    this.batch = new TokenBatch(llama.koffi, 512);
    this.lengths = [0, 0];
    this.decode(prompts);
  }

  step() {
    this.decode([[7], [7]]);
  }

  decode(rows) {
    const tokens = rows.flatMap((row, sequence) =>
      row.map((id, t) => ({
        id,
        sequence,
        position: this.lengths[sequence] + t,
        isRead: t === row.length - 1,
      })),
    );
    const { current } = this.threads;
    this.native.llama_set_n_threads(this.context, current, current);
    const status = this.native.llama_decode(this.context, this.batch.fill(tokens));
    if (status !== 0) throw new Error(`llama.cpp's own pair ended with status ${status}`);
    this.lengths = this.lengths.map((length, r) => length + rows[r].length);
  }

  free() {
    this.native.llama_free(this.context);
    this.batch.free();
  }
}

async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
