/**
 * The process in which somebody else's file is judged: `node judged-subject.mjs FILE MEBIBYTES`. On the pipe with number 3
 * requests come in, a length in four bytes and then v8's serialisation of `{ id, operation, kind, values }`, and answers go
 * out, a line of JSON each, with numbers as the base64 of float64. Who judges lives in the process that started this one,
 * shares nothing with it, and believes nothing that it has not checked.
 *
 * Whatever the file replaces in this realm, here it fools itself only.
 */
import { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { deserialize } from "node:v8";
import { Worker } from "node:worker_threads";

const [file, mebibytes] = process.argv.slice(2);
const wire = new Socket({ fd: 3 });
/** Rows longer than this are no answer to any question that is asked. */
const longestRow = 2 ** 22;
/** The arguments of the last calls, as the subject has them and as they were. */
let recent = [];

/** Ends the process from a thread of its own when it grows too large, or when the judge is gone. */
async function watch() {
  const script = `
    const { workerData: { most, judge } } = require("node:worker_threads");
    setInterval(() => {
      const over = process.memoryUsage.rss() > most * 2 ** 20;
      if (over) require("node:fs").writeSync(2, "its memory grew past " + most + " MB\\n");
      if (over || process.ppid !== judge) process.kill(process.pid, "SIGKILL");
    }, 20);`;
  const workerData = { most: Number(mebibytes), judge: process.ppid };
  const watcher = new Worker(script, { eval: true, workerData });
  await new Promise((resolve) => watcher.once("online", resolve));
  watcher.unref();
}

/** Tells the judge what the file offers. */
async function load(url) {
  try {
    const { default: all, ...named } = await import(url);
    const found = { ...(typeof all === "object" && all !== null ? membersOf(all) : {}), ...named };
    const functions = Object.keys(found).filter((key) => typeof found[key] === "function");
    const { name, unitRoundoff } = found;
    send({
      functions,
      ...(typeof name === "string" && { name }),
      ...(unitRoundoff !== undefined && { unitRoundoff: describeNumber(unitRoundoff) }),
    });
    return found;
  } catch (error) {
    send({ refused: messageOf(error) });
    return {};
  }
}

const describeNumber = (value) => (typeof value === "number" ? encode([value]) : describe(value));

/** What an object has of its own and from its class; methods stay bound to it. */
function membersOf(object) {
  const members = {};
  for (let holder = object; holder !== Object.prototype && holder; holder = Object.getPrototypeOf(holder)) {
    for (const key of Object.getOwnPropertyNames(holder)) {
      if (key === "constructor" || Object.hasOwn(members, key)) continue;
      const member = Reflect.get(object, key);
      members[key] = typeof member === "function" ? member.bind(object) : member;
    }
  }
  return members;
}

function readRequests(take) {
  let buffered = Buffer.alloc(0);
  wire.on("data", (bytes) => {
    buffered = Buffer.concat([buffered, bytes]);
    while (buffered.length >= 4) {
      const end = 4 + buffered.readUInt32LE(0);
      if (buffered.length < end) return;
      take(deserialize(buffered.subarray(4, end)));
      buffered = buffered.subarray(end);
    }
  });
}

function send(line) {
  wire.write(`${JSON.stringify(line)}\n`);
}

async function answer({ id, operation, kind, values }) {
  const earlier = changedCall();
  if (earlier) return { id, changed: `${earlier.operation}, later` };
  const call = { operation, values, copy: copyOf(values) };
  recent = [...recent.slice(-1), call];
  try {
    const result = await exported[operation](...call.copy);
    await turn();
    const changed = changedCall();
    if (changed) return { id, changed: changed === call ? operation : `${changed.operation}, later` };
    return { id, ...encodeResult(result, kind) };
  } catch (error) {
    return { id, thrown: messageOf(error) };
  }
}

/** A call of late whose arguments are not what they were; it is told of once. */
function changedCall() {
  const changed = recent.find(({ copy, values }) => !isSame(copy, values));
  if (changed) recent = [];
  return changed;
}

/** Typed arrays become plain ones, at any depth of arrays, maps and plain objects. The subject gets none of ours. */
function copyOf(value) {
  if (ArrayBuffer.isView(value)) return Array.from(value);
  if (Array.isArray(value)) return value.map(copyOf);
  if (value instanceof Map) return new Map(Array.from(value, ([key, entry]) => [key, copyOf(entry)]));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, copyOf(entry)]));
}

/** Whether a copy still is what it was made of. */
function isSame(copy, value) {
  if (ArrayBuffer.isView(value) || Array.isArray(value)) return isSameList(copy, value);
  if (value instanceof Map)
    return (
      isSameList([...copy.keys()], [...value.keys()]) && isSameList([...copy.values()], [...value.values()])
    );
  if (value === null || typeof value !== "object") return Object.is(copy, value);
  return (
    isSameList(Object.keys(copy), Object.keys(value)) && isSameList(Object.values(copy), Object.values(value))
  );
}

function isSameList(copy, list) {
  if (copy.length !== list.length) return false;
  for (let i = 0; i < list.length; i++) {
    const isNumber = typeof list[i] === "number";
    if (isNumber ? !Object.is(copy[i], list[i]) : !isSame(copy[i], list[i])) return false;
  }
  return true;
}

/** An answer that is not of its kind, in words. */
class Fault extends Error {}

function encodeResult(result, kind) {
  try {
    return { value: encoders[kind](result) };
  } catch (error) {
    if (error instanceof Fault) return { fault: error.message };
    throw error;
  }
}

const itself = (value) => `it returned ${describe(value)}`;

const encoders = {
  number: (value) => encode([number(value, () => itself(value))]),
  row: (value) => row(value, () => itself(value)),
  rows: (value) => {
    if (!Array.isArray(value)) throw new Fault(itself(value));
    return Array.from(value, (one) => row(one, () => itself(value)));
  },
  names: (value) => {
    const names = ["guidanceScale", "gamma", "linearAlignmentRatio", "contextSteeringLambda"];
    return encode(names.map((name) => field(value, name, number)));
  },
  tilt: (value) => ({
    gamma: encode([field(value, "gamma", number)]),
    logPolicy: field(value, "logPolicy", row),
  }),
  gradient: (value) => ({
    loss: encode([field(value, "loss", number)]),
    gradient: field(value, "gradient", table),
  }),
};

/** Reads a field once: what it says the next time does not count. */
function field(value, name, read) {
  if (typeof value !== "object" || value === null) throw new Fault(itself(value));
  const content = Reflect.get(value, name);
  return read(content, () => `its ${name} is ${describe(content)}`);
}

function number(value, why) {
  if (typeof value !== "number") throw new Fault(why());
  return value;
}

/** An array or typed array of numbers, every entry read once. */
function row(value, why) {
  if (!isList(value) || value.length > longestRow) throw new Fault(why());
  const numbers = new Float64Array(value.length);
  for (let i = 0; i < numbers.length; i++) numbers[i] = number(value[i], why);
  return encode(numbers);
}

function table(value, why) {
  if (typeof value !== "object" || value === null || isList(value)) throw new Fault(why());
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return entries.map(([name, one]) => [String(name), row(one, why)]);
}

const isList = (value) => Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));

function encode(numbers) {
  return Buffer.from(Float64Array.from(numbers).buffer).toString("base64");
}

function describe(value) {
  if (value === null || value === undefined) return String(value);
  if (isList(value) && value.length > longestRow) return `an array of ${value.length} entries`;
  if (Array.isArray(value)) return describeArray(value);
  if (isList(value)) return `a ${value.constructor?.name}`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function describeArray(value) {
  const odd = value.findIndex((entry) => typeof entry !== "number");
  return odd < 0 ? "an array of numbers" : `an array with ${describe(value[odd])}`;
}

function messageOf(error) {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return "something that can't be put into words";
  }
}

await watch();
const exported = await load(file);
let waiting = Promise.resolve();
wire.on("close", () => process.exit());
readRequests((request) => {
  waiting = waiting.then(() => answer(request)).then(send);
});
