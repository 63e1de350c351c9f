/** From a question to the first token: alone, beside seven answers that run, and behind a beginning that was read before. */
import { ask, openEngines, promptsOf, schedulerOf, topics } from "./concurrent.mjs";
import { median, printTable } from "./measure.mjs";

export const title = "first tokens";
/** It takes minutes. */
export const onlyWhenNamed = true;
const rounds = 2;
const sharedTokens = 500;

export async function run(options) {
  const engines = await openEngines(options);
  await measureShared(engines);
  await measureFirstTokens(engines);
  for (const engine of engines) await engine.dispose();
}

/** From question to first token, alone and beside seven that run; and the longest wait of those for a token meanwhile. */
async function measureFirstTokens(engines) {
  const rows = [];
  for (const engine of engines) {
    const waits = { alone: [], beside: [], others: [], usual: [] };
    for (let round = -1; round < rounds; round++) {
      const alone = await firstToken(engine, 0);
      const beside = await firstToken(engine, 7);
      if (round < 0) continue;
      waits.alone.push(alone.first);
      waits.beside.push(beside.first);
      waits.others.push(beside.longest);
      waits.usual.push(beside.usual);
    }
    rows.push([engine.backend.name, ...Object.values(waits).map(median)]);
  }
  const head = ["first token, ms", "alone", "beside 7", "longest wait of the 7", "their usual one"];
  printTable(head, rows);
}

async function firstToken(engine, others) {
  const scheduler = schedulerOf(engine, { prefixTokens: 0 });
  const stop = new AbortController();
  const running = topics.slice(1, 1 + others).map((topic) => {
    const times = [];
    const done = ask(scheduler, promptsOf(engine, topic), {
      times,
      maxNewTokens: 400,
      signal: stop.signal,
    });
    return { times, done: done.catch(() => {}) };
  });
  while (running.some(({ times }) => times.length < 3))
    await new Promise((resolve) => setTimeout(resolve, 5));
  const start = performance.now();
  const [first] = await ask(scheduler, promptsOf(engine, longTopic), { maxNewTokens: 1 });
  const gaps = running.flatMap(({ times }) =>
    times.slice(1).map((time, i) => ({ time, gap: time - times[i] })),
  );
  const during = gaps.filter(({ time, gap }) => time > start && time - gap < first).map(({ gap }) => gap);
  const before = gaps.filter(({ time }) => time <= start).map(({ gap }) => gap);
  stop.abort();
  await Promise.all(running.map(({ done }) => done));
  await scheduler.dispose();
  return { first: first - start, longest: Math.max(0, ...during), usual: before.length ? median(before) : 0 };
}

/** Eight questions behind 500 tokens that they share, one after the other; and two for which nothing is kept. */
async function measureShared(engines) {
  const rows = [];
  for (const engine of engines) {
    for (const [prefixTokens, asked] of [
      [0, topics.slice(0, 2)],
      [4096, topics],
    ]) {
      const { firsts, read } = await askInTurns(engine, prefixTokens, asked);
      rows.push([
        `${engine.backend.name}, ${prefixTokens ? "kept" : "not kept"}`,
        ...[firsts[0], median(firsts.slice(1)), firsts[0] / median(firsts.slice(1))],
        ...[read[0], median(read.slice(1))].map(String),
      ]);
    }
  }
  const head = ["500 tokens in front", "first, ms", "a later one", "times", "tokens read first", "later"];
  printTable(head, rows);
}

async function askInTurns(engine, prefixTokens, asked) {
  const scheduler = schedulerOf(engine, { prefixTokens });
  const [firsts, read] = [[], []];
  for (const topic of asked) {
    const before = scheduler.load.readTokens;
    const start = performance.now();
    const [first] = await ask(scheduler, promptsOf(engine, topic, sharedTokens), { maxNewTokens: 2 });
    while (scheduler.load.running > 0) await new Promise(setImmediate);
    firsts.push(first - start);
    read.push(scheduler.load.readTokens - before);
  }
  await scheduler.dispose();
  return { firsts, read };
}

const longTopic = `a wooden boat, ${"with oars and a sail and a mast, ".repeat(6)}step by step`;
