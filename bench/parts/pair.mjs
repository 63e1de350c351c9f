/**
 * One engine, one length of context, one process: `node pair.mjs '{"engine", "model", "threads", "context", "prompt"}'`
 * prints what it measured as JSON. bench/beside.mjs starts it, so that peak memory is of this alone.
 */
import { amuletMethod, boundedMethod, logPolicy } from "@amulet-ts/core";
import { openEngine } from "@amulet-ts/engines";
import * as tf from "@tensorflow/tfjs-core";
import { median, time } from "../measure.mjs";
import { OwnPair } from "./own-pair.mjs";

const steps = 40;
const warmUps = 5;
const methodTurns = 200;
/** Tokens of a pass when a context is filled. */
const pass = 256;

const wanted = JSON.parse(process.argv[2]);
const { engine: name, model: path, threads } = wanted;
const start = performance.now();
const engine = await openEngine({ engine: name, model: path, backend: "wasm", threads });
const loadMs = performance.now() - start;
const measured = name === "tfjs" ? await measureOurs(engine.model) : await measureLlamaCpp(engine.model);
await engine.dispose();
const peakMB = process.resourceUsage().maxRSS / 1000;
console.log(JSON.stringify({ loadMs, peakMB, ...measured }));

async function measureOurs(model) {
  const session = model.openSession(2);
  const read = async (rows) => {
    const { logits_RC } = await session.append(rows);
    await logits_RC.data();
    return logits_RC;
  };
  const promptMs = await timePrompt(async (ids) => {
    const alone = model.openSession(1);
    const { logits_RC } = await alone.append([ids]);
    await logits_RC.data();
    logits_RC.dispose();
    await alone.dispose();
  }, model);
  await fill(async (rows) => (await read(rows)).dispose(), model);
  const pair = () => read([[7], [7]]).then((logits) => logits.dispose());
  const { ms: pairMs, processorMs } = await measureSteps(pair);
  const logits_BV = await read([[7], [7]]);
  const [collapsedMs, boundedMs] = await measureMethods([amuletMethod(), boundedMethod(0.2)], logits_BV);
  logits_BV.dispose();
  await session.select([0]);
  const rowMs = await timeSteps(() => read([[7]]).then((logits) => logits.dispose()));
  await session.dispose();
  return { promptMs, pairMs, processorMs, rowMs, collapsedMs, boundedMs };
}

async function measureLlamaCpp(model) {
  const own = new OwnPair(model.loaded, 4096);
  const promptMs = await timePrompt((ids) => {
    const alone = new OwnPair(model.loaded, 1024);
    alone.decode([ids, []]);
    alone.free();
  }, model);
  await fill((rows) => own.decode(rows), model);
  const { ms: pairMs, processorMs } = await measureSteps(() => own.step());
  own.free();
  const session = model.openSession(2);
  await fill(async (rows) => (await session.append(rows)).logits_RC.dispose(), model);
  const logitsMs = await timeSteps(async () => (await session.append([[7], [7]])).logits_RC.dispose());
  await session.dispose();
  return { promptMs, pairMs, processorMs, logitsMs };
}

/** What methods add to log-policies, in turns: medians of differences, which are steadier than differences of medians. */
async function measureMethods(methods, logits_BV) {
  const added = methods.map(() => []);
  for (let turn = -warmUps; turn < methodTurns; turn++) {
    const nothing = await time(() => runMethod(undefined, logits_BV));
    for (const [m, method] of methods.entries()) {
      const ms = await time(() => runMethod(method, logits_BV));
      if (turn >= 0) added[m].push(ms - nothing);
    }
  }
  return added.map(median);
}

/** Log-policies and a method's, until a number can be read. */
async function runMethod(method, logits_BV) {
  const first = tf.tidy(() => {
    const logs = tf.split(logPolicy(logits_BV), 2);
    const policy = method ? method.policy(...logs) : logs[1];
    return tf.slice(policy.logPolicy_BV ?? policy, [0, 0], [1, 1]);
  });
  await first.data();
  first.dispose();
}

/** The best of three, once it is warm. */
async function timePrompt(read, model) {
  if (wanted.prompt === 0) return undefined;
  const ids = idsFor(model, 1, wanted.prompt);
  await read(ids);
  return Math.min(await time(() => read(ids)), await time(() => read(ids)), await time(() => read(ids)));
}

/** Both rows up to the context, less what is measured around it. */
async function fill(append, model) {
  const end = wanted.context - warmUps - steps / 2;
  const rows = [idsFor(model, 1, end), idsFor(model, 2, end)];
  for (let from = 0; from < end; from += pass) await append(rows.map((row) => row.slice(from, from + pass)));
}

function idsFor({ vocabularySize }, seed, length) {
  return Array.from({ length }, (_, i) => (seed + i * 37) % vocabularySize);
}

async function timeSteps(work) {
  return (await measureSteps(work)).ms;
}

/** Medians; the processor's time is that of all threads, and stays what it is where others have the cores. */
async function measureSteps(work) {
  const times = [];
  const processor = [];
  for (let step = -warmUps; step < steps; step++) {
    const before = process.cpuUsage();
    const ms = await time(work);
    const { user, system } = process.cpuUsage(before);
    if (step < 0) continue;
    times.push(ms);
    processor.push((user + system) / 1000);
  }
  return { ms: median(times), processorMs: median(processor) };
}
