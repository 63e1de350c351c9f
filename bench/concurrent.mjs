/** Answers side by side, by our own session and by llama.cpp's: what a token of many costs, and who waits for whom. */
import { amuletMethod, chooseGreedily, Scheduler } from "@amulet-ts/core";
import { openEngine } from "@amulet-ts/engines";
import { machine, median, printTable } from "./measure.mjs";

export const title = "answers side by side";
/** It takes minutes. */
export const onlyWhenNamed = true;
const counts = [1, 2, 4, 8];
const rounds = 3;
const tokensPerAnswer = 24;
export const topics = ["tea", "bread", "a kite", "soap", "a raft", "paper", "a garden", "cheese"];

export async function run(options) {
  const engines = await openEngines(options);
  await measureTogether(engines);
  for (const engine of engines) await engine.dispose();
}

/** Our own engine and llama.cpp's, as far as they are here. */
export async function openEngines({ modelPath, backend }) {
  const engines = [];
  console.log(`${machine()}\n`);
  for (const engine of ["tfjs", "llama.cpp"]) {
    try {
      engines.push(await openEngine({ engine, model: modelPath, backend }));
    } catch (error) {
      console.log(`Without ${engine}: ${error.message}\n`);
    }
  }
  for (const { model, backend } of engines)
    console.log(`${model.name}: ${backend.name}, ${backend.version} (${backend.description})`);
  console.log();
  return engines;
}

/** Tokens a second of all answers, while all of them run. */
async function measureTogether(engines) {
  const speeds = engines.map(() => counts.map(() => []));
  for (let round = -1; round < rounds; round++)
    for (const [c, count] of counts.entries())
      for (const [e, engine] of engines.entries()) {
        const speed = await speedOf(engine, count);
        if (round >= 0) speeds[e][c].push(speed);
      }
  const row = (count, c) => [
    `${count}`,
    ...speeds.flatMap((own) => [median(own[c]), median(own[c].map((speed, round) => speed / own[0][round]))]),
  ];
  printTable(
    ["answers", ...engines.flatMap(({ backend: { name } }) => [`${name}, tokens/s`, "to one"])],
    counts.map(row),
  );
}

async function speedOf(engine, count) {
  const scheduler = schedulerOf(engine, { prefixTokens: 0 });
  const answers = topics.slice(0, count).map((topic) => ask(scheduler, promptsOf(engine, topic)));
  const times = await Promise.all(answers);
  await scheduler.dispose();
  const from = Math.max(...times.map((own) => own[0]));
  const to = Math.min(...times.map((own) => own.at(-1)));
  const tokens = times.flat().filter((time) => time > from && time <= to).length;
  return (1000 * tokens) / (to - from);
}

/** @returns when each token came */
export async function ask(scheduler, prompts, { times = [], maxNewTokens = tokensPerAnswer, signal } = {}) {
  const request = { ...prompts, method: amuletMethod(), choose: chooseGreedily, maxNewTokens };
  for await (const { type } of scheduler.answer(request, signal ? { signal } : {}))
    if (type === "token") times.push(performance.now());
  return times;
}

/** No token ends an answer. */
export function schedulerOf({ model }, bounds) {
  return new Scheduler(Object.create(model, { endTokens: { value: new Set() } }), bounds);
}

export function promptsOf({ model }, topic, shared = 0) {
  const system = shared ? [{ role: "system", content: wordsOf(model, shared) }] : [];
  const ids = (question) => model.renderChat([...system, { role: "user", content: question }]).ids;
  const question = `How do I make ${topic}?`;
  return { base: ids(question), preference: ids(`${question} Your answer should be concise.`) };
}

/** A system message of about so many tokens. */
function wordsOf(model, tokens) {
  const sentence = "You know the crafts of old times, and tell how a thing is made in plain words. ";
  const { length } = model.renderChat([{ role: "system", content: sentence.repeat(10) }]).ids;
  return sentence.repeat(Math.round((10 * tokens) / length));
}
