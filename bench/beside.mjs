/**
 * A pair of rows here and in llama.cpp, in turns, each measurement in a process of its own: decoding at two lengths of
 * context, prompts, peak memory; what Amulet adds; one thread and two while both cores are busy.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { findBinaries, installCommand } from "../packages/engines/dist/llama-cpp/native/find-binaries.js";
import { machine, median, printTable } from "./measure.mjs";

export const title = "a pair of rows beside llama.cpp";
const threads = 2;
const rounds = 2;
/** Tokens of context, and of the prompt that is read there. */
const cases = [
  { context: 64, prompt: 64 },
  { context: 1900, prompt: 448 },
];
const child = fileURLToPath(new URL("parts/pair.mjs", import.meta.url));

export async function run({ modelPath }) {
  if (!existsSync(modelPath))
    return console.log(`Skipped: there is no model at ${modelPath} (give one with --model).`);
  console.log(`${modelPath.split(/[\\/]/).at(-1)}, ${threads} threads each, ${machine()}\n`);
  const found = await hasLlamaCpp();
  const engines = found ? ["tfjs", "llama.cpp"] : ["tfjs"];
  const results = new Map(engines.map((engine) => [engine, cases.map(() => [])]));
  for (let round = 0; round < rounds; round++)
    for (const [i, wanted] of cases.entries())
      for (const engine of engines)
        results.get(engine)[i].push(await measure({ engine, model: modelPath, threads, ...wanted }));
  for (const [i, wanted] of cases.entries()) printCase(wanted, (engine) => results.get(engine)?.[i]);
  const [short, long] = results.get("tfjs").map((runs) => middle(runs, "pairMs"));
  console.log(
    `Ours at ${cases[1].context} tokens: ${(long / short).toFixed(2)} times ours at ${cases[0].context}.\n`,
  );
  await printProcessor(modelPath, engines);
  await printBusy(modelPath);
}

function printCase({ context, prompt }, runsOf) {
  const [ours, theirs] = [runsOf("tfjs"), runsOf("llama.cpp")];
  const row = (label, name, theirName = name, less = false) => {
    const own = middle(ours, name);
    const other = theirs ? middle(theirs, theirName) : Number.NaN;
    return [label, own, other, less ? other / own : own / other];
  };
  const promptRow = row(`a prompt of ${prompt}, tokens/s`, "promptMs", "promptMs", true);
  promptRow[1] = (1000 * prompt) / promptRow[1];
  promptRow[2] = (1000 * prompt) / promptRow[2];
  printTable(
    [`${context} tokens of context`, "here", "llama.cpp", "here to there"],
    [
      row("a pair, ms (there without logits)", "pairMs"),
      row("a pair, ms (all logits)", "pairMs", "logitsMs"),
      promptRow,
      row("peak memory, MB", "peakMB"),
      row("loading, ms", "loadMs"),
    ],
  );
  const pair = middle(ours, "pairMs");
  printTable(
    ["here", "ms", "to a pair"],
    [
      ["one row", middle(ours, "rowMs"), middle(ours, "rowMs") / pair],
      ["Amulet's own arithmetic, collapsed", middle(ours, "collapsedMs"), middle(ours, "collapsedMs") / pair],
      ["  bounded, 0.2 nats", middle(ours, "boundedMs"), middle(ours, "boundedMs") / pair],
    ],
  );
}

/** What a machine that others use too can tell: the processor's time, on one thread, since threads that wait spin. */
async function printProcessor(model, engines) {
  const found = new Map(engines.map((engine) => [engine, []]));
  for (let round = 0; round < rounds; round++)
    for (const engine of engines)
      found.get(engine).push(await measure({ engine, model, threads: 1, ...cases[0] }));
  const rows = engines.map((engine) => [engine, middle(found.get(engine), "processorMs")]);
  printTable(
    ["a pair on one thread, 64 tokens of context", "processor, ms", "to llama.cpp"],
    rows.map(([engine, ms]) => [engine, ms, ms / (rows[1]?.[1] ?? Number.NaN)]),
  );
}

/** Steps on one thread and on two while a process keeps each core busy. */
async function printBusy(model) {
  const spin = () => spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
  const busy = [spin(), spin()];
  try {
    const one = [];
    const two = [];
    for (let round = 0; round < rounds; round++) {
      for (const [count, list] of [
        [1, one],
        [2, two],
      ])
        list.push(await measure({ engine: "tfjs", model, threads: count, context: 64, prompt: 0 }));
    }
    const [alone, both] = [middle(one, "pairMs"), middle(two, "pairMs")];
    printTable(
      ["a pair, while a process keeps each of two cores busy", "ms", "ratio"],
      [
        ["one thread", alone, 1],
        ["two threads", both, both / alone],
      ],
    );
  } finally {
    for (const process of busy) process.kill();
  }
}

const middle = (runs, name) => median(runs.map((run) => run[name]));

async function hasLlamaCpp() {
  try {
    await findBinaries("off");
    return true;
  } catch {
    console.log(`llama.cpp is not measured beside it. It comes with: ${installCommand()}\n`);
    return false;
  }
}

function measure(wanted) {
  return new Promise((resolve, reject) => {
    const started = spawn(process.execPath, [child, JSON.stringify(wanted)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    started.stdout.on("data", (piece) => {
      text += piece;
    });
    started.on("error", reject);
    started.on("close", (code) => {
      if (code !== 0) return reject(new Error(`Measuring ${JSON.stringify(wanted)} ended with ${code}.`));
      resolve(JSON.parse(text.trim().split("\n").at(-1)));
    });
  });
}
