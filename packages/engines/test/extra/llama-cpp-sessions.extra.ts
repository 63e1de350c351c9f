/** Laws of our own sessions, held by those of llama.cpp, on the embedded model as a GGUF file. */
import {
  amuletMethod,
  chooseGreedily,
  type DecodeEvent,
  decode,
  type Engine,
  type Next,
  Scheduler,
  type Session,
} from "@amulet-ts/core";
import { embeddedModelFolder } from "@amulet-ts/embedded-model";
import { loadModel } from "@amulet-ts/models";
import { withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import { float16CacheTolerance } from "@amulet-ts/testing/engines/float16";
import { useEmbeddedGguf } from "@amulet-ts/testing/models/embedded-gguf";
import { prefill as ourPrefill } from "@amulet-ts/testing/reference/checkpoints";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEngine } from "../../src/index.js";
import { Context, type LoadedModel } from "../../src/llama-cpp/context.js";
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
  tolerance = 2 * (await float16CacheTolerance(rows[3]!));
});
afterAll(() => engine?.dispose());

const V = 2048;

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

async function idsOf(events: AsyncIterable<DecodeEvent>): Promise<number[]> {
  const ids: number[] = [];
  for await (const event of events) if (event.type === "token") ids.push(event.id);
  return ids;
}

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

  test("more rows than one context of llama.cpp tells apart: forked, reordered, dropped and taken in, each as it is alone", async () => {
    const R = 300;
    await withSession(2, async (session) => {
      await drop(session.append([rows[0]!, rows[1]!]));
      await session.select(Array.from({ length: R }, (_, r) => r % 2));
      const grown = Array.from({ length: R }, (_, r) => [...rows[r % 2]!, r]);
      const last = await readRows(await session.append(grown.map((row) => row.slice(-1))));
      const some = [0, 1, 255, 256, 257, 298, 299];
      const expectRows = async (came: readonly Float32Array[], places: readonly number[], all: number[][]) =>
        expect(
          distance(
            places.map((r) => came[r]!),
            await lastOf(places.map((r) => all[r]!)),
          ),
        ).toBeLessThan(tolerance);
      await expectRows(last, some, grown);
      // The other way round, with rows of the second context in the first's place and forks across.
      const order = [299, 298, 297, 0, 299, ...Array.from({ length: 260 }, (_, i) => 290 - i), 299];
      await session.select(order);
      const after = order.map((r, i) => [...grown[r]!, 1000 + i]);
      const again = await readRows(await session.append(after.map((row) => row.slice(-1))));
      await expectRows(again, [0, 1, 2, 3, 4, 5, 260, order.length - 1], after);
      const kept = await session.fork!([0, 4, 264]);
      await session.select([3, 5]);
      await session.include!(kept);
      await kept.dispose();
      const ends = [after[3]!, after[5]!, after[0]!, after[4]!, after[264]!].map((row) => [...row, 7]);
      const few = await readRows(await session.append(ends.map(() => [7])));
      await expectRows(few, [0, 1, 2, 3, 4], ends);
    });
  });

  test("a row that was forked and put into another session goes on as it would have alone", async () => {
    await withSession(1, async (second) => {
      const kept = await withSession(rows.length, async (first) => {
        await drop(first.append(rows.map((row) => row.slice(0, -1))));
        const fork = await first.fork!([3, 1, 3]);
        // What becomes of the original is nothing to the fork.
        await drop(first.append(rows.map(() => [9])));
        await first.rewind([1, 2, 3, 4]);
        await drop(first.append(rows.map(() => [8, 7])));
        return fork;
      });
      expect(kept.lengths).toEqual([12, 5, 12]);
      await drop(second.append([rows[2]!.slice(0, -1)]));
      await second.include!(kept);
      expect(second.lengths).toEqual([6, 12, 5, 12]);
      const ends = [rows[2]!, rows[3]!, rows[1]!].map((row) => [row.at(-1)!]);
      const last = await readRows(await second.append([...ends, [7]]));
      const expected = [rows[2]!, rows[3]!, rows[1]!, [...rows[3]!.slice(0, -1), 7]];
      expect(distance(last, await lastOf(expected))).toBeLessThan(tolerance);
      // What is kept has stayed, and can be used itself.
      await kept.rewind([11, 5, 12]);
      const again = await readRows(
        await kept.append([rows[3]!.slice(11), rows[1]!.slice(5), rows[3]!.slice(12)]),
      );
      expect(distance(again, await lastOf([rows[3]!, rows[1]!, rows[3]!]))).toBeLessThan(tolerance);
      await kept.dispose();
    });
  });

  test("what is forked takes no number of the running rows, and comes back where cells are few", async () => {
    const long = makeRow(200, 5);
    await withSession(1, async (session) => {
      await drop(session.append([long]));
      const forks: Session[] = [];
      // More than llama.cpp tells apart.
      for (let i = 0; i < 300; i++) forks.push(await session.fork!([0]));
      // Eight of them are more than the first 1,024 cells.
      for (const fork of forks.slice(0, 8)) await session.include!(fork);
      expect(session.lengths).toEqual(Array(9).fill(200));
      const ends = Array.from({ length: 9 }, (_, r) => [r + 3]);
      const last = await readRows(await session.append(ends));
      expect(distance(last, await lastOf(ends.map((end) => [...long, ...end])))).toBeLessThan(tolerance);
      for (const fork of forks) await fork.dispose();
    });
  });

  test("rows that are taken in beyond the first context go on there, and what is no row of this model is refused", async () => {
    await withSession(1, async (session) => {
      await drop(session.append([rows[0]!]));
      const fork = await session.fork!(Array(200).fill(0));
      await session.include!(fork);
      await session.include!(fork);
      expect([session.lengths, fork.lengths]).toEqual([Array(401).fill(3), Array(200).fill(3)]);
      await session.select([200, 400, 0]);
      const last = await readRows(await session.append([[9], [8], [7]]));
      expect(distance(last, await lastOf([9, 8, 7].map((id) => [...rows[0]!, id])))).toBeLessThan(tolerance);
      await fork.dispose();
      await expect(fork.append([[1]])).rejects.toMatchObject({ code: "disposed" });
      await expect(session.include!(fork)).rejects.toMatchObject({ code: "disposed" });
      await expect(session.include!({} as never)).rejects.toMatchObject({ code: "bad-request" });
    });
  });

  test("rows of which one can't be taken back leave nothing in the session", async () => {
    await withSession(1, async (session) => {
      await drop(session.append([rows[0]!]));
      const fork = await withSession(2, async (other) => {
        await drop(other.append([rows[3]!, rows[2]!]));
        return other.fork!([0, 1]);
      });
      const { saved } = fork as unknown as { readonly saved: { bytes: Uint8Array }[] };
      saved[1]!.bytes = saved[1]!.bytes.subarray(0, 100);
      await expect(session.include!(fork)).rejects.toMatchObject({ code: "engine-failed" });
      expect(session.lengths).toEqual([3]);
      // The number that the first of them had had is free, and nothing is in it.
      await session.select([0, 0]);
      const last = await readRows(await session.append([[9], [9]]));
      const expected = await lastOf(Array(2).fill([...rows[0]!, 9]));
      expect(distance(last, expected)).toBeLessThan(tolerance);
      await fork.dispose();
    });
  });

  test("a beginning that prompts share is read by the first, and they say what they say alone", async () => {
    const shared = makeRow(150, 4);
    const asked = [7, 8, 9, 10].map((last) => ({
      base: [...shared, last],
      preference: [...shared, last, 11],
      method: amuletMethod(),
      choose: chooseGreedily,
      maxNewTokens: 5,
    }));
    const scheduler = new Scheduler(engine.model);
    const tokens: number[] = [];
    for (const request of asked) {
      const before = scheduler.load.readTokens;
      expect(await idsOf(scheduler.answer(request))).toEqual(await idsOf(decode(engine.model, [request])));
      while (scheduler.load.running > 0) await new Promise(setImmediate);
      tokens.push(scheduler.load.readTokens - before);
    }
    expect(tokens[0]).toBeGreaterThanOrEqual(150);
    for (const count of tokens.slice(1)) expect(count).toBeLessThanOrEqual(3);
    await scheduler.dispose();
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

  test("a signal stops the pass that computes, and not only those after it", async () => {
    const context = new Context((engine.model as unknown as { readonly loaded: LoadedModel }).loaded);
    try {
      await context.reserve(1);
      const tokens = makeRow(context.mostTokens, 4).map((id, position) => ({
        id,
        position,
        sequence: 0,
        isRead: false,
      }));
      const controller = new AbortController();
      const running = context.read(tokens, [controller.signal], () => {});
      // llama.cpp has begun on its own thread by then, and has a thousand tokens to read.
      setImmediate(() => controller.abort());
      expect(await running).toBe("aborted");
    } finally {
      context.free();
    }
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
