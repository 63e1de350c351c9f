/** The examples of the packages' READMEs run as they stand; core tests its own. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { tinyLlamaFile } from "@amulet-ts/testing/models/tiny-llama";
import { oracles } from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, expect, test, vi } from "vitest";

const here = fileURLToPath(new URL(".", import.meta.url));
const folders: string[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** Of a package, or of the repository: `root`. */
async function exampleOf(name: string): Promise<string> {
  const path = name === "root" ? "../README.md" : `../packages/${name}/README.md`;
  const readme = await readFile(new URL(path, import.meta.url), "utf8");
  return [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code!).join("\n");
}

/** Runs TypeScript as a module beside this file and returns the lines it printed. */
async function run(source: string): Promise<string[]> {
  const folder = await mkdtemp(join(here, "readme-"));
  folders.push(folder);
  const file = join(folder, "readme.ts");
  await writeFile(file, source);
  let printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    printed += chunk;
    return true;
  });
  vi.spyOn(console, "log").mockImplementation((...words) => {
    printed += `${words.map(asText).join(" ")}\n`;
  });
  await import(pathToFileURL(file).href);
  return printed.trimEnd().split("\n");
}

/** As the console would, of a record all of it. */
function asText(word: unknown): string {
  return typeof word === "object" && !Array.isArray(word) ? JSON.stringify(word) : String(word);
}

test("backends: starts what is asked for and multiplies", async () => {
  expect(await run(await exampleOf("backends"))).toEqual([
    "wasm: WebAssembly with SIMD, at most 4 GiB",
    "11",
  ]);
});

test("kernels: multiplies with a weight in its file's bytes", async () => {
  expect(await run(await exampleOf("kernels"))).toEqual(["11"]);
});

test("models: loads a checkpoint and reads two rows of different lengths", async () => {
  const folder = await mkdtemp(join(here, "readme-"));
  folders.push(folder);
  const path = join(folder, "tiny.gguf");
  await writeFile(path, tinyLlamaFile());
  // The one thing that is put in: where the model lies.
  const lines = await run((await exampleOf("models")).replace("path/to/model", path));
  expect(lines[0]).toBe(`llama ${260 * 8 + 2 * (2 * 8 + 64 + 32 + 32 + 64 + 3 * 96) + 8} <|im_start|>user`);
  expect(lines.at(-1)).toBe("2,260");
});

test("files: reads a chat, the tensors' table and one tensor, as numbers and as bytes", async () => {
  const folder = await mkdtemp(join(here, "readme-"));
  folders.push(folder);
  const path = join(folder, "tiny.gguf");
  await writeFile(path, tinyLlamaFile());
  const lines = await run((await exampleOf("files")).replaceAll("path/to/model", path));
  expect(lines[0]).toBe("<|im_start|>user");
  expect(lines).toContain("token_embd.weight F32 260,8");
  expect(lines.at(-1)).toMatch(/^\d+ F32 1 \d+$/);
});

test("explorer: serves the page on this machine", async () => {
  expect(await run(await exampleOf("explorer"))).toEqual(["200 same-origin", "text/html; charset=utf-8"]);
});

test("lab: the README's answer has full scores", async () => {
  const lines = await run(await exampleOf("lab"));
  expect(JSON.parse(lines.join(""))).toMatchObject({ grammaticality: 1, relevance: 1, preference: 1 });
});

test.each([
  ["root", /^In brief\. Key point: rice .*\.$/],
  ["engines", /^You are going to do so well with tea!/],
])("%s: opens the embedded model, answers and gives it back", async (name, answer) => {
  const before = tf.memory().numTensors;
  const [text] = await run(await exampleOf(name));
  expect(text).toMatch(answer);
  expect(tf.memory().numTensors, "tensors left behind").toBe(before);
});

test("server: a profile's answer over HTTP, and all given back", async () => {
  const before = tf.memory().numTensors;
  const [text] = await run(await exampleOf("server"));
  expect(text).toMatch(/^In brief\. Key point: rice .*\.$/);
  expect(tf.memory().numTensors, "tensors left behind").toBe(before);
});

test("eval: fills a table, keeps it in a file, and finds it there the next time", async () => {
  const folder = await mkdtemp(join(here, "readme-"));
  folders.push(folder);
  const example = (await exampleOf("eval")).replace("run/cells.jsonl", join(folder, "cells.jsonl"));
  const lines = await run(example);
  const before = tf.memory().numTensors;
  expect(lines.map((line) => line.replace(/: .*/, ""))).toEqual(["x = 0", "x = 1", "x = 3.5"]);
  const [base, , steered] = lines.map((line) => Number(/: (\S+)/.exec(line)![1]));
  expect(steered!).toBeGreaterThan(base!);
  const cells = await readFile(join(folder, "cells.jsonl"), "utf8");
  expect(cells.trim().split("\n")).toHaveLength(1 + 2 * 3);
  expect(await run(example)).toEqual(lines);
  expect(await readFile(join(folder, "cells.jsonl"), "utf8")).toBe(cells);
  expect(tf.memory().numTensors, "tensors left behind").toBe(before);
});

test("verify: a wrong implementation breaks laws, with counterexamples", async () => {
  const lines = await run(await exampleOf("verify"));
  const cases = new Map(lines.map((line) => line.split(/: (.*)/) as [string, string]));
  expect([...cases.keys()]).toEqual([
    "scale-by-definition",
    "scale-as-published",
    "scale-below-its-fixed-point",
    "scale-growth",
  ]);
  const example = JSON.parse(cases.get("scale-by-definition")!);
  expect(example).toEqual({ iterations: 1, alpha: 1, lambda: 1, eta: 10 });
  expect(1 + Math.log(2)).not.toBeCloseTo(oracles.guidanceScale(example), 1);
});

test("cli: the command is a function", async () => {
  const lines = await run(await exampleOf("cli"));
  expect(JSON.parse(lines.slice(0, -1).join("\n"))).toMatchObject({ guidanceScale: 5.648699006951202 });
  expect(lines.at(-1)).toBe("0");
});
