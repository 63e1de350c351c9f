/** Laws of our own sessions, held by those of llama.cpp, on the embedded model as a GGUF file. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Engine, Next, Session } from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { openSafetensors } from "@amulet-ts/files";
import { loadModel } from "@amulet-ts/models";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { conditionOf } from "@amulet-ts/testing/backends/tolerance";
import { useEmbeddedGguf } from "@amulet-ts/testing/models/embedded-gguf";
import { prefill as ourPrefill } from "@amulet-ts/testing/reference/checkpoints";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEngine } from "../../src/index.js";
import { missing } from "../llama-cpp/missing.js";

if (missing !== undefined) console.warn(`Skipped: laws of llama.cpp. ${missing}`);

withoutLeaks("wasm");

const embedded = useEmbeddedGguf();
let engine: Engine;
/** Between two runs of llama.cpp. */
let tolerance = 0;
beforeAll(async () => {
  if (missing !== undefined) return;
  engine = await openEngine({ engine: "llama.cpp", model: embedded.path, gpu: "off" });
  tolerance = 2 * (await toleranceFor(rows[3]!));
});
afterAll(() => engine?.dispose());

const V = 2048;

/**
 * How far llama.cpp's logits may be from the exact ones. It rounds queries, keys and values to float16 and sums values in
 * it, S of them: √(3 + S) roundings of 2^-11, which act as if the weights were off by that much; 2 for the luck of one draw
 * of signs, as in docs/tolerances.md. Float32's own roundings are thousands of times smaller.
 */
async function toleranceFor(row: readonly number[]): Promise<number> {
  const config = JSON.parse(await readFile(join(embeddedModelFolder, "config.json"), "utf8"));
  const file = await openSafetensors(join(embeddedModelFolder, "model.safetensors"));
  const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const [name, source] of file.tensors)
    tensors.set(name, { shape: source.shape, data: await source.read() });
  await file.close();
  return 2 * Math.sqrt(3 + row.length) * 2 ** -11 * conditionOf({ family: "llama", config, tensors }, row);
}

function makeRow(length: number, seed: number): number[] {
  return Array.from({ length }, (_, t) => (seed * 97 + t * t * 31 + t * 13 + 5) % V);
}

const lengths = [3, 6, 7, 13];
const rows = lengths.map((length, b) => makeRow(length, b));

async function readRows({ logits_RC }: Next): Promise<Float32Array[]> {
  const values = (await logits_RC.data()) as Float32Array;
  logits_RC.dispose();
  return Array.from({ length: values.length / V }, (_, r) => values.slice(r * V, (r + 1) * V));
}

/** The logits after every token of one row alone. */
async function alone(row: readonly number[]): Promise<Float32Array[]> {
  return withSession(1, async (session) => readRows((await session.appendAll!([row]))[0]!));
}

async function withSession<T>(rowCount: number, work: (session: Session) => Promise<T>): Promise<T> {
  const session = engine.model.openSession(rowCount);
  try {
    return await work(session);
  } finally {
    await session.dispose();
  }
}

function distance(came: readonly Float32Array[], expected: readonly Float32Array[]): number {
  expect(came.length).toBe(expected.length);
  return Math.max(
    ...came.flatMap((row, r) => Array.from(row, (value, v) => Math.abs(value - expected[r]![v]!))),
  );
}

const lastOf = async (all: readonly (readonly number[])[]) =>
  Promise.all(all.map(async (row) => (await alone(row)).at(-1)!));

/** As they leave a session; the tensors are let go. */
const drop = async (next: Promise<Next>) => void (await readRows(await next));

describe.skipIf(missing !== undefined)("sessions of llama.cpp", () => {
  test("logits are our own, to what float16 keys and values make of them", async () => {
    using ours = await loadModel(embeddedModelFolder);
    for (const row of rows) {
      const [came, expected] = [await alone(row), await ourPrefill(ours, row)];
      const worst = distance(came, expected);
      expect(worst).toBeLessThan(tolerance / 2);
      expect(worst).toBeGreaterThan(0);
    }
  });

  test("prefill equals steps, and a row in pieces the row at once", async () => {
    const expected = await alone(rows[3]!);
    await withSession(1, async (session) => {
      const steps: Float32Array[] = [];
      for (const id of rows[3]!) steps.push(...(await readRows(await session.append([[id]]))));
      expect(distance(steps, expected)).toBeLessThan(tolerance);
    });
    await withSession(1, async (session) => {
      const pieces: Float32Array[] = [];
      for (const [from, to] of [
        [0, 1],
        [1, 4],
        [4, 5],
        [5, 11],
        [11, 13],
      ] as const)
        pieces.push(...(await readRows((await session.appendAll!([rows[3]!.slice(from, to)]))[0]!)));
      expect(distance(pieces, expected)).toBeLessThan(tolerance);
    });
  });

  test("rows of unequal lengths, in one call and extended by unequal pieces, equal each row alone", async () => {
    await withSession(rows.length, async (session) => {
      const together = await session.appendAll!(rows);
      for (const [b, next] of together.entries())
        expect(distance(await readRows(next), await alone(rows[b]!))).toBeLessThan(tolerance);
      expect(session.lengths).toEqual(lengths);
    });
    await withSession(rows.length, async (session) => {
      await drop(session.append(rows.map((row) => row.slice(0, Math.ceil(row.length / 3)))));
      await drop(session.append(rows.map((row) => row.slice(Math.ceil(row.length / 3), -1))));
      const last = await readRows(await session.append(rows.map((row) => row.slice(-1))));
      expect(distance(last, await lastOf(rows))).toBeLessThan(tolerance);
    });
  });

  test("select drops, reorders and forks rows, and forks go their own ways", async () => {
    await withSession(rows.length, async (session) => {
      await drop(session.append(rows.map((row) => row.slice(0, -1))));
      await session.select([3, 1, 3]);
      expect(session.lengths).toEqual([12, 5, 12]);
      const ends = [rows[3]!.at(-1)!, rows[1]!.at(-1)!, 7];
      const last = await readRows(await session.append(ends.map((id) => [id])));
      const expected = await lastOf([rows[3]!, rows[1]!, [...rows[3]!.slice(0, -1), 7]]);
      expect(distance(last, expected)).toBeLessThan(tolerance);
      // A number that a dropped row had is another row's now.
      await session.select([2, 0, 0, 1]);
      const again = await readRows(await session.append([[1], [2], [3], [4]]));
      const grown = [
        [...rows[3]!.slice(0, -1), 7, 1],
        [...rows[3]!, 2],
        [...rows[3]!, 3],
        [...rows[1]!, 4],
      ];
      expect(distance(again, await lastOf(grown))).toBeLessThan(tolerance);
    });
  });

  test("rewind forgets what came after, in one row or down to nothing", async () => {
    await withSession(rows.length, async (session) => {
      await drop(session.append(rows.map((row, b) => [...row.slice(0, -1), ...makeRow(1 + b, 50 + b)])));
      await session.rewind(lengths.map((length, b) => (b === 2 ? 0 : length - 1)));
      const rest = rows.map((row, b) => (b === 2 ? row : row.slice(-1)));
      const last = await readRows(await session.append(rest));
      expect(distance(last, await lastOf(rows))).toBeLessThan(tolerance);
    });
  });

  test("rows beyond the first context's numbers and cells are carried over to a larger one", async () => {
    const R = 70;
    await withSession(1, async (session) => {
      await drop(session.append([rows[3]!]));
      await session.select(Array(R).fill(0));
      const ends = Array.from({ length: R }, (_, r) => makeRow(20, r + 60));
      const last = await readRows(await session.append(ends));
      expect(session.lengths).toEqual(Array(R).fill(33));
      const some = [0, 1, 35, 69];
      const expected = await lastOf(some.map((r) => [...rows[3]!, ...ends[r]!]));
      expect(
        distance(
          some.map((r) => last[r]!),
          expected,
        ),
      ).toBeLessThan(tolerance);
    });
  });

  test("more rows than llama.cpp tells apart are refused, and those that are there stay", async () => {
    await withSession(1, async (session) => {
      await drop(session.append([rows[0]!]));
      await expect(session.select(Array(257).fill(0))).rejects.toMatchObject({
        code: "engine-failed",
        message: expect.stringMatching(/holds 256 rows at most, and 257 are needed/),
      });
      expect(session.lengths).toEqual([3]);
      const last = await readRows(await session.append([[9]]));
      expect(distance(last, await lastOf([[...rows[0]!, 9]]))).toBeLessThan(tolerance);
    });
  });

  test("a call that is aborted leaves rows as they were, before it begins and while it computes", async () => {
    const long = makeRow(2500, 3);
    await withSession(2, async (session) => {
      await drop(session.append([rows[0]!, rows[1]!]));
      await expect(session.append([[1], [2]], AbortSignal.abort("enough"))).rejects.toMatchObject({
        code: "aborted",
        cause: "enough",
      });
      const controller = new AbortController();
      const running = session.append([long, long], controller.signal);
      setTimeout(() => controller.abort("now"), 20);
      await expect(running).rejects.toMatchObject({ code: "aborted", cause: "now" });
      expect(session.lengths).toEqual([3, 6]);
      const last = await readRows(await session.append([[1], [2]]));
      expect(
        distance(
          last,
          await lastOf([
            [...rows[0]!, 1],
            [...rows[1]!, 2],
          ]),
        ),
      ).toBeLessThan(tolerance);
    });
  });

  test("the event loop turns while llama.cpp computes", async () => {
    await withSession(1, async (session) => {
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      await drop(session.append([makeRow(800, 1)]));
      clearInterval(timer);
      expect(turns).toBeGreaterThan(1);
    });
  });

  test("a token that there is none of fails, and the rows stay", async () => {
    await withSession(1, async (session) => {
      await drop(session.append([rows[0]!]));
      await expect(session.append([[5, V]])).rejects.toMatchObject({ code: "engine-failed" });
      expect(session.lengths).toEqual([3]);
      const last = await readRows(await session.append([[9]]));
      expect(distance(last, await lastOf([[...rows[0]!, 9]]))).toBeLessThan(tolerance);
    });
  });
});
