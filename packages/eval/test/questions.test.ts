/** Sets of questions, by the kinds of files that they come in. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadQuestions } from "../src/index.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-questions-"));
});
afterEach(() => rm(folder, { recursive: true }));

const load = async (
  name: string,
  text: string | Uint8Array,
  field = "question",
  limit: number | null = null,
) => {
  const path = join(folder, name);
  await writeFile(path, text);
  return (await loadQuestions({ source: path, field, limit, distinct: false })).questions;
};

const expected = [
  { id: "a", question: 'Why, "oh" why?' },
  { id: "7", question: "How\nso?" },
];

describe("the same questions", () => {
  test.each([
    ["q.jsonl", '{"id":"a","question":"Why, \\"oh\\" why?"}\n\n{"id":7,"question":" How\\nso? "}\n'],
    ["q.json", '[{"id":"a","question":"Why, \\"oh\\" why?"},{"id":7,"question":"How\\nso?"}]'],
    ["q.csv", '\uFEFFid,question,other\r\na,"Why, ""oh"" why?",1\r\n7,"How\nso?",2\r\n'],
  ])("come from %s", async (name, text) => expect(await load(name, text)).toEqual(expected));

  test.each([
    ["q.jsonl", '\uFEFF{"id":"a","question":"Why, \\"oh\\" why?"}\r\n{"id":7,"question":"How\\nso?"}\r\n'],
    ["q.json", '\uFEFF[{"id":"a","question":"Why, \\"oh\\" why?"},{"id":7,"question":"How\\nso?"}]'],
  ])("come from %s behind a byte order mark, packed or not", async (name, text) => {
    expect(await load(name, text)).toEqual(expected);
    expect(await load(`${name}.gz`, gzipSync(text))).toEqual(expected);
  });

  test("come from parquet as pyarrow writes it, compressed", async () => {
    const source = fileURLToPath(new URL("questions.parquet", import.meta.url));
    const loaded = await loadQuestions({ source, field: "question", limit: null, distinct: false });
    expect(loaded.questions).toEqual(expected);
  });
});

test("another field, a limit, numbers for ids", async () => {
  expect(await load("q.jsonl", '{"prompt":"A?"}\n{"prompt":"B?"}\n{"prompt":"C?"}\n', "prompt", 2)).toEqual([
    { id: "1", question: "A?" },
    { id: "2", question: "B?" },
  ]);
});

test.each([
  ["q.jsonl", '{"prompt":"A?"}', /row 1 has no text in "question"; it has prompt/],
  ["q.jsonl", '{"question":""}', /row 1 has no text/],
  ["q.jsonl", '{"question"', /q\.jsonl:1 .*no JSON/],
  ["q.jsonl", "", /it is empty/],
  ["q.csv", 'question\n"never closed', /no CSV/],
  ["q.parquet", "PAR1 it is not", /can't be read as parquet/],
])("%s with %j is refused with its place", async (name, text, sentence) => {
  await expect(load(name, text)).rejects.toThrow(sentence);
});

test.each([
  ["q.jsonl", '{"question":"Who?"}\n{"question":"Un café?"}'],
  ["q.csv", "question\nUn café?\n"],
])("%s in Latin-1 is refused with its place, packed or not", async (name, text) => {
  const bytes = Buffer.from(text, "latin1");
  await expect(load(name, bytes)).rejects.toThrow(
    /q\.\w+ must be text in UTF-8, and the byte 0xE9 on line 2/,
  );
  await expect(load(`${name}.gz`, gzipSync(bytes))).rejects.toThrow(/\.gz must be text in UTF-8/);
});

test("there are sixty plain questions, no two alike", async () => {
  const { questions } = await loadQuestions({
    source: "everyday",
    field: "question",
    limit: null,
    distinct: false,
  });
  expect(questions).toHaveLength(60);
  expect(new Set(questions.map(({ question }) => question)).size).toBe(60);
});
