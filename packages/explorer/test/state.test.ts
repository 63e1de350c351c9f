import { defaultDriftBudget } from "@amulet-ts/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { commandFor, programFor } from "../src/code.js";
import { chooseFiles, readHubName } from "../src/hub-files.js";
import { readPageFile } from "../src/index.js";
import {
  backendNames,
  curveNames,
  firstState,
  heats,
  type PageState,
  readState,
  settingsOf,
  studyNames,
  withBudgets,
  writeState,
} from "../src/state.js";

const between = (min: number, max: number) => fc.double({ min, max, noNaN: true }).map((value) => value + 0);
const nats = fc.oneof(fc.constant(Number.POSITIVE_INFINITY), between(0, 4));
const pinned = fc.array(fc.record({ x: between(0, 100), nats }), { maxLength: 3 });
const states: fc.Arbitrary<PageState> = fc
  .record({
    step: fc.integer({ min: 0, max: 8 }),
    question: fc.string({ maxLength: 60, unit: "grapheme" }),
    preference: fc.string({ maxLength: 60 }),
    column: fc.integer({ min: 0, max: 3 }),
    place: fc.integer({ min: 0, max: 200 }),
    dial: fc.constantFrom("x" as const, "T" as const),
    x: between(0, 12),
    parameters: fc.record({
      iterations: fc.integer({ min: 0, max: 100 }),
      alpha: between(0, 4),
      lambda: between(0.5, 8),
      eta: between(0.1, 100),
    }),
    nats,
    pinned,
    heat: fc.constantFrom(...heats),
    study: fc.constantFrom(...studyNames),
    curve: fc.constantFrom(...curveNames),
    point: fc.integer({ min: -1, max: 30 }),
    pair: fc.integer({ min: 0, max: 479 }),
    model: fc.constantFrom("", "org/name", "org/name:a.gguf"),
    backend: fc.constantFrom(...backendNames),
    turn: fc.tuple(between(-180, 180), between(-90, 90)),
  })
  .map((state) => ({ ...state, column: Math.min(state.column, state.pinned.length) }));

test("a state written into an address is read back whole", () => {
  fc.assert(
    fc.property(states, (state) => {
      expect(readState(writeState(state))).toEqual(state);
    }),
  );
});

test("where every strength past 1 needs a budget, those that have none get one, and nothing else changes", () => {
  fc.assert(
    fc.property(states, (state) => {
      const before = settingsOf(state);
      const after = settingsOf({ ...state, ...withBudgets(state) });
      expect(after.map(({ x }) => x)).toEqual(before.map(({ x }) => x));
      for (const [i, { x, nats: own }] of after.entries()) {
        const had = before[i]!.nats;
        if (x > 1) expect(own).toBe(had === Number.POSITIVE_INFINITY ? defaultDriftBudget : had);
        else if (i < state.pinned.length) expect(own).toBe(had);
      }
    }),
  );
});

test("the first state needs no address, and what an address says wrongly is as at first", () => {
  expect(writeState(firstState)).toBe("#");
  const wrong = "#step=9&x=-1&n=a&dial=1_2&pins=1_2_3_4&heat=blue&at=1.5&in=7&by=Z&point=-2";
  expect(readState(wrong)).toEqual(firstState);
  fc.assert(
    fc.property(fc.string(), (hash) => {
      const state = readState(hash);
      expect(readState(writeState(state))).toEqual(state);
    }),
  );
});

test("code says the dial as it stands", () => {
  const asked = { ...firstState, question: "What's up?" };
  expect(commandFor(asked)).toBe(
    "npx amulet generate 'What'\\''s up?' --preference 'Your answer should be uplifting.' --guidance-scale 5.65",
  );
  expect(programFor({ ...asked, nats: 0.2 })).toContain("boundedMethod(0.2, 4.65)");
  expect(commandFor({ ...asked, nats: 0.2 })).toContain("--guidance-scale 5.65 --kl-budget 0.2");
  expect(programFor({ ...asked, dial: "T" })).toContain(
    "amuletMethod({ iterations: 60, alpha: 2, lambda: 2, eta: 10 })",
  );
});

test("of a hub's repository the folder is taken, or the smallest file of a usual type, or the one that is named", () => {
  const file = (path: string, size = 1) => ({ type: "file", path, size });
  const ggufs = [file("m.Q8_0.gguf", 8), file("m.Q4_K_M.gguf", 4), file("m.F16.gguf", 16)];
  const folder = [
    file("config.json"),
    file("tokenizer.json"),
    file("model.safetensors"),
    file("onnx/model.safetensors"),
  ];
  expect(chooseFiles(ggufs)).toMatchObject({ kind: "gguf", bytes: 4 });
  expect(chooseFiles([...ggufs, ...folder])).toMatchObject({ kind: "folder", bytes: 3 });
  expect(chooseFiles([...ggufs, ...folder], "m.F16.gguf")).toMatchObject({ kind: "gguf", bytes: 16 });
  expect(chooseFiles([file("README.md")])).toBeUndefined();
  expect(chooseFiles(ggufs, "other.gguf")).toBeUndefined();
});

test("names of the hub are read, and nothing else is one", () => {
  expect(readHubName(" org/name ")).toEqual({ id: "org/name" });
  expect(readHubName("org/name:sub/a.gguf")).toEqual({ id: "org/name", file: "sub/a.gguf" });
  for (const words of ["", "name", "org/name/more", "../name", "org/..", "https://a/b", "org/name:a.bin"])
    expect(readHubName(words), words).toBeUndefined();
});

test("no path leads out of the page's folder", async () => {
  for (const path of [
    "/../package.json",
    "/..%2fpackage.json",
    "/assets/../../index.js",
    "//etc/passwd",
    "/.",
    "/a\0b",
  ])
    expect(await readPageFile(path), path).toBeUndefined();
});
