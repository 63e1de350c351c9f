/** Values that nobody should hand over, drawn from a seed, and put into the place of right ones. */
import { xoshiro128 } from "@amulet-ts/core";
import * as tf from "@tensorflow/tfjs-core";

/** What a caller's own object throws: it is not ours to translate. */
export class Boom extends Error {}

const boom = () => {
  throw new Boom("thrown by what was handed over");
};

/** Makes a wrong value; tensors are the maker's to dispose of. */
type Make = (keep: <T extends tf.Tensor>(tensor: T) => T) => unknown;

const makers: readonly Make[] = [
  ...[undefined, null, true, false, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ...[-1, -0, 0, 1.5, 1e-320, 1e308, 2 ** 53, -(2 ** 31), 7, 12n, "", "text", "3", "\u0000\ud800"],
].map((value) => () => value);

const others: readonly Make[] = [
  () => Symbol("wrong"),
  () => [],
  () => [undefined],
  () => [null, {}],
  () => [Number.NaN, -1, 1.5],
  () => [Symbol("in a list")],
  () => Array(3),
  () => [[[]]],
  () => Array(100_000).fill(2),
  () => ({}),
  () => ({ length: 3 }),
  () => ({ length: -1, shape: [2, 2], rank: 2 }),
  () => Object.create(null),
  () => () => {},
  () => boom,
  () => async () => ({}),
  () => new Proxy({}, { get: boom, has: boom, ownKeys: boom, getPrototypeOf: boom }),
  () => new Proxy(() => {}, { get: boom, apply: boom }),
  () => new Proxy([1, 2], { get: boom }),
  () => Object.defineProperty({}, "name", { get: boom, enumerable: true }),
  () => Promise.resolve(1),
  () => new Map([["a", 1]]),
  () => new Date(Number.NaN),
  () => new Float32Array(3),
  () => new Uint8Array(0),
  () => new URL("file:///nowhere"),
  () => AbortSignal.abort("at once"),
  (keep) => keep(tf.scalar(1)),
  (keep) => keep(tf.tensor1d([1, 2])),
  (keep) => keep(tf.tensor2d([[1, 2, 3]])),
  (keep) => keep(tf.tensor2d([[Number.NaN, Number.NEGATIVE_INFINITY]])),
  (keep) => keep(tf.tensor2d([[1, 2]], [1, 2], "int32")),
  (keep) => keep(tf.tensor2d([["a", "b"]], [1, 2], "string")),
  (keep) => keep(tf.zeros([0, 5])),
  (keep) => keep(tf.zeros([2, 0])),
  (keep) => keep(tf.zeros([1, 2, 3])),
  () => {
    const gone = tf.zeros([2, 5]);
    gone.dispose();
    return gone;
  },
];

const all = [...makers, ...others];

/** Draws for one case. */
export class Draws {
  private readonly random: () => number;
  private readonly tensors: tf.Tensor[] = [];

  constructor(seed: number) {
    this.random = xoshiro128(seed);
  }

  below(count: number): number {
    return Math.floor(this.random() * count);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  wrong(): unknown {
    return all[this.below(all.length)]!(this.keep);
  }

  /** A tensor that goes when the case is over. */
  readonly keep = <T extends tf.Tensor>(tensor: T): T => {
    this.tensors.push(tensor);
    return tensor;
  };

  dispose(): void {
    for (const tensor of this.tensors) if (!tensor.isDisposed) tensor.dispose();
  }

  /** A value with something in it, or the whole of it, replaced by a wrong one. */
  spoil(value: unknown): unknown {
    const isPlain =
      Array.isArray(value) || (value !== null && typeof value === "object" && isLiteral(value as object));
    const keys = isPlain ? Object.keys(value as object) : [];
    if (keys.length === 0 || this.chance(0.3)) return this.wrong();
    const key = keys[this.below(keys.length)]!;
    const inside = this.spoil((value as Record<string, unknown>)[key]);
    if (!Array.isArray(value)) return { ...(value as object), [key]: inside };
    return value.map((entry, i) => (String(i) === key ? inside : entry));
  }
}

function isLiteral(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}
