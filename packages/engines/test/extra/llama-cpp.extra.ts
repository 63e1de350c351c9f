/** Laws of our own sessions, held by those of llama.cpp, on the embedded model as a GGUF file. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Engine, generate, type Next, type Session } from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { encodeGguf, type GgufValue, openSafetensors } from "@amulet-ts/files";
import { loadModel } from "@amulet-ts/models";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { conditionOf } from "@amulet-ts/testing/backends/tolerance";
import { llamaGguf } from "@amulet-ts/testing/models/llama-gguf";
import { prefill as ourPrefill } from "@amulet-ts/testing/reference/checkpoints";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EngineError, openEngine } from "../../src/index.js";
import { findBinaries } from "../../src/llama-cpp/native/find-binaries.js";
import { loadKoffi } from "../../src/llama-cpp/native/koffi.js";

const missing = (await loadKoffi())
  ? await findBinaries("off").then(
      () => undefined,
      (error: Error) => error.message,
    )
  : "The package koffi is not here.";
if (missing !== undefined) console.warn(`Skipped: laws of llama.cpp. ${missing}`);

withoutLeaks("wasm");

let folder = "";
let path = "";
let engine: Engine;
/** Between two runs of llama.cpp. */
let tolerance = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "amulet-llama-cpp-"));
  path = join(folder, "embedded.gguf");
  await writeFile(path, await llamaGguf(embeddedModelFolder));
  if (missing !== undefined) return;
  engine = await open();
  tolerance = 2 * (await toleranceFor(rows[3]!));
});
afterAll(async () => {
  await engine?.dispose();
  await rm(folder, { recursive: true });
});

const open = () => openEngine({ engine: "llama.cpp", model: path, gpu: "off" });
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

describe.skipIf(missing !== undefined)("engines of llama.cpp", () => {
  const question = {
    question: "How do I make a cup of tea?",
    preference: "Your answer should be uplifting.",
  };

  test("say what they are, and answer as our own forward passes do", async () => {
    expect(engine.backend).toMatchObject({
      name: "llama.cpp",
      version: expect.stringMatching(/^llama\.cpp 0\.4\.0/),
    });
    // Its template is none of those that llama.cpp has built in.
    expect(engine.notes).toEqual([expect.stringMatching(/^embedded: no template built into llama\.cpp/)]);
    expect(engine).toMatchObject({ source: path, parameterCount: 1_049_728 });
    const ours = await openEngine({ backend: "wasm" });
    const texts: string[] = [];
    for (const { model } of [engine, ours]) {
      let text = "";
      for await (const piece of generate(model, { ...question, maxNewTokens: 60 })) text += piece.text;
      texts.push(text);
    }
    expect(texts[0]).toContain("tea");
    expect(texts[0]).toBe(texts[1]);
    await ours.dispose();
  });

  test("that are disposed of end their answers by an error, twice does no harm, and open no session", async () => {
    const other = await open();
    const answer = generate(other.model, { ...question, maxNewTokens: 60 });
    await answer.next();
    await other.dispose();
    await other.dispose();
    await expect(answer.next()).rejects.toMatchObject({ code: "disposed" });
    expect(() => other.model.openSession(1)).toThrow(EngineError);
  });

  test("are opened and disposed of 200 times, and no memory is lost", async () => {
    const cycle = async () => {
      const one = await open();
      const session = one.model.openSession(2);
      await drop(session.append([rows[0]!, rows[3]!]));
      await session.dispose();
      await one.dispose();
    };
    for (let warm = 0; warm < 40; warm++) await cycle();
    const before = residentMegabytes();
    for (let n = 0; n < 160; n++) await cycle();
    // A file takes 4 MB, a context and its batch 1: a tenth of what would be lost at each.
    expect(residentMegabytes() - before).toBeLessThan(0.1 * 160 * 5);
  });

  test("write 10,000 tokens in flat memory", async () => {
    await withSession(2, async (session) => {
      const write = async (tokens: number) => {
        for (let t = 0; t < tokens; t++) {
          if (session.lengths[0]! > 200) await session.rewind([3, 6]);
          const next = await session.append([[t % V], [(7 * t) % V]]);
          next.logits_RC.dispose();
        }
      };
      await drop(session.append([rows[0]!, rows[1]!]));
      await write(2_000);
      const before = residentMegabytes();
      await write(10_000);
      // Logits alone are 16 KiB a token, 160 MB in all.
      expect(residentMegabytes() - before).toBeLessThan(32);
    });
  });

  test("refuse what they can't run, and say why", async () => {
    const refused = (options: object) => openEngine({ engine: "llama.cpp", gpu: "off", ...options });
    await expect(refused({})).rejects.toThrow(/needs a model: name a \.gguf file/);
    await expect(refused({ model: embeddedModelFolder })).rejects.toThrow(
      /reads GGUF files, and .* is a folder/,
    );
    await expect(refused({ model: join(folder, "none.gguf") })).rejects.toMatchObject({
      code: "file-not-found",
    });
    const mamba = join(folder, "mamba.gguf");
    await writeFile(mamba, tinyMamba());
    await expect(refused({ model: mamba })).rejects.toMatchObject({
      code: "unsupported-model",
      message: expect.stringMatching(/mamba is of the architecture mamba, which is recurrent/),
    });
    const unknown = join(folder, "unknown.gguf");
    await writeFile(
      unknown,
      encodeGguf({ ...tokens, "general.architecture": { text: "abacus" } }, new Map()),
    );
    await expect(refused({ model: unknown })).rejects.toMatchObject({
      code: "engine-failed",
      message: expect.stringMatching(/could not load .*unknown model architecture: 'abacus'/),
    });
  });

  test("opening that is aborted, or whose listener throws, ends with that", async () => {
    const options = { engine: "llama.cpp", model: path, gpu: "off" } as const;
    const controller = new AbortController();
    const onProgress = () => controller.abort("enough");
    await expect(openEngine({ ...options, signal: controller.signal, onProgress })).rejects.toMatchObject({
      code: "aborted",
      cause: "enough",
    });
    const throwing = () => {
      throw new RangeError("of the caller");
    };
    await expect(openEngine({ ...options, onProgress: throwing })).rejects.toThrow("of the caller");
    const seen: number[] = [];
    const one = await openEngine({ ...options, onProgress: ({ done, total }) => seen.push(done / total) });
    expect(seen.at(-1)).toBe(1);
    await one.dispose();
  });
});

function residentMegabytes(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss() / 2 ** 20;
}

const letters = [..."abcdefghijklmnopqrstuvwxyz", "ab"];
const tokens: Record<string, GgufValue> = {
  "tokenizer.ggml.model": { text: "gpt2" },
  "tokenizer.ggml.pre": { text: "smollm" },
  "tokenizer.ggml.tokens": { texts: letters },
  "tokenizer.ggml.token_type": { int32s: letters.map(() => 1) },
  "tokenizer.ggml.merges": { texts: ["a b"] },
};

/** A recurrent model of one block, all zeros. */
function tinyMamba(): Uint8Array {
  const [D, E, S, K, N] = [32, 64, 16, 4, 2];
  const shapes: Record<string, number[]> = {
    "token_embd.weight": [letters.length, D],
    "output_norm.weight": [D],
    "blk.0.attn_norm.weight": [D],
    "blk.0.ssm_in.weight": [2 * E, D],
    "blk.0.ssm_conv1d.weight": [E, K],
    "blk.0.ssm_conv1d.bias": [E],
    "blk.0.ssm_x.weight": [N + 2 * S, E],
    "blk.0.ssm_dt.weight": [E, N],
    "blk.0.ssm_dt.bias": [E],
    "blk.0.ssm_a": [E, S],
    "blk.0.ssm_d": [E],
    "blk.0.ssm_out.weight": [D, E],
  };
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    return [name, { shape, values: new Float32Array(size) }] as const;
  });
  const sizes: Record<string, GgufValue> = {
    "mamba.block_count": { uint32: 1 },
    "mamba.context_length": { uint32: 64 },
    "mamba.embedding_length": { uint32: D },
    "mamba.feed_forward_length": { uint32: 0 },
    "mamba.attention.head_count": { uint32: 0 },
    "mamba.attention.layer_norm_rms_epsilon": { float32: 1e-5 },
    "mamba.ssm.conv_kernel": { uint32: K },
    "mamba.ssm.inner_size": { uint32: E },
    "mamba.ssm.state_size": { uint32: S },
    "mamba.ssm.time_step_rank": { uint32: N },
  };
  return encodeGguf({ "general.architecture": { text: "mamba" }, ...sizes, ...tokens }, new Map(tensors));
}
