/**
 * Where the time of a decoding step goes on wasm: each kind of job that the kernels do, by one thread and by two, and what is left
 * beside them, which is JavaScript and the second thread's waking.
 */
import { startBackend } from "@amulet-ts/backends";
import { loadModel } from "@amulet-ts/models";
import { Pool } from "../packages/kernels/dist/pool/pool.js";
import { kinds } from "../packages/kernels/dist/pool/program.js";
import { machine, median, printTable } from "./measure.mjs";

export const title = "a step's jobs";

const names = new Map(Object.entries(kinds).map(([name, kind]) => [kind, name]));
const [warm, counted] = [12, 48];

export async function run({ modelPath, backend }) {
  if (backend !== "wasm") return console.log("Only on wasm.");
  console.log(`${modelPath.split("/").at(-1)}, ${machine()}`);
  const times = timeJobs();
  for (const [rows, context] of [
    [2, 64],
    [2, 1900],
    [16, 64],
  ]) {
    const columns = [];
    for (const threads of [1, 2]) columns.push(await measure(modelPath, threads, rows, context, times));
    print(rows, context, columns);
  }
}

/** Lets pools tell how long their jobs take: each is run by itself, in the order in which they were written. */
function timeJobs() {
  const times = new Map();
  const seen = new WeakSet();
  const { play } = Pool.prototype;
  Pool.prototype.play = function (...given) {
    if (!seen.has(this)) {
      seen.add(this);
      this.jobs = { ...this.jobs, play: timed(this, this.jobs.play, times) };
    }
    const start = performance.now();
    play.apply(this, given);
    add(times, "all", performance.now() - start);
  };
  return times;
}

function timed(pool, play, times) {
  return (at, end, maySleep) => {
    for (let next = at; at < end; at = next) {
      const [kind, , bytes] = new Uint32Array(pool.heap.bytes.buffer, at, 3);
      next = at + bytes;
      const start = performance.now();
      play(at, next, maySleep);
      add(times, names.get(kind), performance.now() - start);
    }
  };
}

const add = (times, name, ms) => times.set(name, (times.get(name) ?? 0) + ms);

async function measure(modelPath, threads, rows, context, times) {
  await startBackend("wasm", { threads });
  const model = await loadModel(modelPath);
  const session = model.openTensorSession(rows);
  // Rows that share nothing, as those of two prompts.
  const prompt = (row) => Array.from({ length: context }, (_, t) => 100 + ((7 * t + row) % 1000));
  session.append(Array.from({ length: rows }, (_, row) => prompt(row))).dispose();
  const steps = [];
  for (let step = 0; step < warm + counted; step++) {
    times.clear();
    const start = performance.now();
    session.append(Array.from({ length: rows }, () => [300 + step])).dispose();
    steps.push(new Map([...times, ["step", performance.now() - start]]));
  }
  session.dispose();
  model.dispose();
  const middle = (name) => median(steps.slice(warm).map((own) => own.get(name) ?? 0));
  const jobs = Object.keys(kinds).map((name) => [name, middle(name)]);
  return new Map([...jobs, ["beside the jobs", middle("step") - middle("all")], ["a step", middle("step")]]);
}

function print(rows, context, [one, two]) {
  const lines = [...one].map(([name, ms]) => [
    name,
    ms,
    `${((100 * ms) / one.get("a step")).toFixed(1)} %`,
    two.get(name),
    `${((100 * two.get(name)) / two.get("a step")).toFixed(1)} %`,
  ]);
  console.log(`\n${rows} rows, ${context} tokens of context`);
  printTable(["", "one thread, ms", "share", "two threads, ms", "share"], lines);
}
