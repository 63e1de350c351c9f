/**
 * Fused operations on webgpu against float64. On a graphics card, or on SwiftShader
 * (VK_ICD_FILENAMES=…/vk_swiftshader_icd.json), which compiles a program for each shape that is drawn: hence few of them.
 */
import { startBackend } from "@amulet-ts/backends";
import { heldByKernels, withoutLeaks } from "@amulet-ts/testing/backends/no-leaks";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { CachePage, growPages, tokensOfPage } from "../../src/fused/pages.js";
import { storedTypes } from "../../src/stored-types.js";
import { webGpuBackend } from "../../src/webgpu/backend.js";
import { attend, type PlacedPlan, placePlan } from "../../src/webgpu/fused/attend.js";
import { CardPages } from "../../src/webgpu/fused/card-pages.js";
import { addFeedForward, addProduct, normProduct } from "../../src/webgpu/fused/operations.js";
import { PackedWeight } from "../../src/webgpu/packed-weight.js";
import {
  type Attention,
  attendInCalls,
  fork,
  forked,
  noise,
  type Shape,
  type Step,
  tolerance,
  worstDifference,
} from "../attention-laws.js";
import {
  casesOf,
  drawFeedForward,
  faults,
  type Operations,
  worstAddProduct,
  worstFeedForward,
  worstNormProduct,
} from "../operation-laws.js";

const why = await startBackend("webgpu").then(
  () => "",
  ({ message }: Error) => message,
);

/** Weights cut into buffers of so many bytes. */
function operationsIn(mostBytes: number): Operations {
  const hold: Operations["hold"] = (rows) => {
    const weight = new PackedWeight(storedTypes.get("F32")!, rows.length, rows[0]!.length, mostBytes);
    weight.write(0, new Uint8Array(Float32Array.from(rows.flat()).buffer));
    return weight;
  };
  return { backend: "webgpu", hold, normProduct, addProduct, addFeedForward } as unknown as Operations;
}

/** As one buffer may have at the least that WebGPU promises. */
const usual = 2 ** 27;

const operations = operationsIn(usual);

/** Few rows and many, whole chunks and odd widths. */
const cases = casesOf({ rows: fc.constantFrom(1, 2, 3, 9, 17, 35), width: fc.constantFrom(1, 13, 32, 64) });

const onCard: Attention<CardPages> = {
  backend: "webgpu",
  store: (shape) => new CardPages(webGpuBackend(), shape, usual),
  attend: (pages, shape, plan, where, qkv_NQ) => attend(pages, shape, placePlan(plan), where, qkv_NQ),
};

const shapes: readonly Shape[] = [
  { groups: 2, shared: 3, headWidth: 12, window: 33, normed: true },
  { groups: 3, shared: 1, headWidth: 4, window: Number.POSITIVE_INFINITY, normed: false },
  { groups: 1, shared: 2, headWidth: 68, window: 3, normed: false },
];

const steps: readonly Step[] = [
  { select: [0, 0], keep: [0], tokens: [33, 5] },
  { select: [0, 1, 0], keep: [1000, 3, 32], tokens: [1] },
  { select: [1, 2, 0], keep: [1000, 31], tokens: [2, 32, 1] },
  { select: [2, 2, 1], keep: [1000], tokens: [1] },
];

describe.skipIf(why)(`fused operations on webgpu${why && ` (skipped: ${why})`}`, () => {
  withoutLeaks("webgpu");

  test.each([
    ["norm and product", worstNormProduct],
    ["product, its norm and what it is added to", worstAddProduct],
  ])("%s are float64's, from one buffer or several", async (_, worst) => {
    await fc.assert(
      fc.asyncProperty(cases, fc.boolean(), async (given, isCut) => {
        const rowBytes = 4 * 32 * Math.ceil(given.width / 32);
        const own = isCut ? operationsIn(11 * rowBytes) : operations;
        expect(await worst(own, given)).toBeLessThan(1);
      }),
      { numRuns: 12 },
    );
  });

  test("a feed-forward is float64's", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (given) => {
        const { x, drawn } = drawFeedForward(given);
        expect(await worstFeedForward(operations, x, drawn)).toBeLessThan(1);
      }),
      { numRuns: 12 },
    );
  });

  test.each(faults)("and %s is seen", async (_, given, spoil) => {
    const { x, drawn } = drawFeedForward(given);
    expect(await worstFeedForward(operations, x, drawn)).toBeLessThan(1);
    expect(await worstFeedForward(operations, x, drawn, spoil(drawn))).toBeGreaterThan(10);
  });

  test.each(shapes)("attention is float64's over rows that grow, part and go back: %o", async (shape) => {
    expect(await worstDifference(onCard, shape, steps)).toBeLessThan(tolerance(onCard, shape));
  });

  test("attention is the same for a token alone and among others, bit for bit", async () => {
    const shape = { groups: 2, shared: 2, headWidth: 8, window: 20, normed: false };
    const qkv = Float32Array.from({ length: 40 * 64 }, noise);
    const alone = await attendInCalls(onCard, shape, qkv, new Array<number>(40).fill(1));
    expect(await attendInCalls(onCard, shape, qkv, [7, 1, 32])).toEqual(alone);
  });

  const all = { groups: 1, shared: 2, headWidth: 8, window: Number.POSITIVE_INFINITY, normed: false };

  test("attention goes over more tokens than a tile of scores has", async () => {
    const narrow = { ...all, shared: 1, headWidth: 4 };
    // So many that the largest score of some lies in their second tile.
    const grow: Step[] = [256, 60].map((count) => ({ select: [0], keep: [1000], tokens: [count] }));
    expect(await worstDifference(onCard, narrow, grow)).toBeLessThan(tolerance(onCard, narrow));
  });

  /** What a plan or a place may get wrong. */
  const planted: readonly (readonly [string, Attention<CardPages>["attend"]])[] = [
    [
      "pages of the neighbouring row",
      (pages, shape, { rows, ...plan }, where, qkv) => {
        const next = (b: number) => rows[(b + 1) % rows.length]!.pages;
        // The first call fills them as it should.
        const others = rows.map((row, b) => (row.length === 0 ? row : { ...row, pages: next(b) }));
        return onCard.attend(pages, shape, { ...plan, rows: others }, where, qkv);
      },
    ],
    [
      "angles of the neighbouring token",
      (pages, shape, plan, where, qkv) => {
        const placed: PlacedPlan = placePlan(plan);
        const last = placed.angles_NK.shape[0] - 1;
        const next = Array.from({ length: last + 1 }, (_, n) => Math.min(n + 1, last));
        const moved = tf.gather(placed.angles_NK, tf.tensor1d(next, "int32"));
        return attend(pages, shape, { ...placed, angles_NK: moved }, where, qkv);
      },
    ],
    [
      "no scale of scores",
      (pages, shape, plan, where, qkv) => onCard.attend(pages, { ...shape, scale: 1 }, plan, where, qkv),
    ],
    [
      "a window too long by one",
      (pages, shape, plan, where, qkv) =>
        onCard.attend(pages, shape, plan, { ...where, window: where.window + 1 }, qkv),
    ],
  ];
  test.each(planted)("%s: seen", async (_, careless) => {
    const shape = { ...all, window: 7 };
    const rows: Step[] = [
      { select: [0, 0], keep: [0], tokens: [9, 12] },
      { select: [0, 1], keep: [1000], tokens: [2] },
    ];
    expect(await worstDifference(onCard, shape, rows)).toBeLessThan(tolerance(onCard, shape));
    const spoilt = await worstDifference({ ...onCard, attend: careless }, shape, rows);
    expect(spoilt).toBeGreaterThan(tolerance(onCard, shape));
  });

  test("a page that is written to although a fork shares it is seen", async () => {
    expect(await worstDifference(onCard, forked, fork)).toBeLessThan(tolerance(onCard, forked));
    const careless = vi.spyOn(CachePage.prototype, "forAppending").mockImplementation(function (
      this: CachePage,
    ) {
      return this;
    });
    try {
      expect(await worstDifference(onCard, forked, fork)).toBeGreaterThan(tolerance(onCard, forked));
    } finally {
      careless.mockRestore();
    }
  });

  test("pages are counted, come again, and go with the last of them; more than a buffer holds is refused", () => {
    // 2¹⁸ bytes are eight pages of one block.
    const pages = new CardPages(webGpuBackend(), { blockCount: 2, tokenWidth: 128 }, 2 ** 18);
    const pageBytes = 2 * 2 * 4 * tokensOfPage * 128;
    const taken = growPages(pages, [], 0, 8 * tokensOfPage);
    expect(pages.bytes).toBe(8 * pageBytes);
    expect(() => growPages(pages, taken, 8 * tokensOfPage, 1)).toThrow(/256 tokens fill the largest buffer/);
    expect(pages.bytes).toBe(8 * pageBytes);
    taken[3]!.dispose();
    taken[3]!.dispose();
    expect(pages.bytes).toBe(7 * pageBytes);
    const [again] = growPages(pages, [], 0, 1);
    expect(again!.at).toBe(taken[3]!.at);
    for (const page of [...taken, again!]) page.dispose();
    expect(pages.bytes).toBe(0);
    expect(heldByKernels()).toBe(0);
  });
});
