/**
 * Pairs of logit rows. Entries are multiples of 1/8, so they are float32 numbers, and a failing pair shrinks to
 * few tokens with round logits.
 */
import fc from "fast-check";
import { logSoftmax, type Row, tabulate } from "../oracles/distribution.js";

/** Logits of the base and of the preference prompt over one vocabulary. */
export interface LogitPair {
  readonly base: readonly number[];
  readonly preference: readonly number[];
}

const eighths = (limit: number) =>
  fc.integer({ min: -8 * limit, max: 8 * limit }).map((eighth) => eighth / 8);

function pairOf(token: fc.Arbitrary<[number, number]>, maxLength: number): fc.Arbitrary<LogitPair> {
  return fc.array(token, { minLength: 1, maxLength }).map((tokens) => ({
    base: tokens.map(([base]) => base),
    preference: tokens.map(([, preference]) => preference),
  }));
}

/** Nothing special: logits within ±10, 1 to 12 tokens. */
export const genericPair = pairOf(fc.tuple(eighths(10), eighths(10)), 12);

/** Two prompts of one language model: the same logits but for at most ±1.5, 2 to 12 tokens. */
export const closePair = fc
  .array(fc.tuple(eighths(5), fc.integer({ min: -12, max: 12 })), { minLength: 2, maxLength: 12 })
  .map((tokens) => ({
    base: tokens.map(([logit]) => logit),
    preference: tokens.map(([logit, moved]) => logit + moved / 8),
  }));

/** Few different values, so that tokens tie. */
export const tiedPair = pairOf(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 2 })), 8);

/** Both prompts say the same. */
export const equalPair = pairOf(
  eighths(10).map((logit): [number, number] => [logit, logit]),
  8,
);

/** One token far above the rest: 12 logits is peaked, 110 is one-hot even in float32. */
export const peakedPair = fc
  .record({ pair: genericPair, peak: fc.constantFrom(12, 40, 110), token: fc.nat({ max: 11 }) })
  .map(({ pair, peak, token }) => ({
    base: pair.base,
    preference: pair.preference.map((logit, a) => (a === token % pair.base.length ? logit + peak : logit)),
  }));

/** The same policies from logits around 10,000, where float32 still resolves 1/1024. */
export const shiftedPair = genericPair.map(({ base, preference }) => ({
  base: base.map((logit) => logit + 10_000),
  preference: preference.map((logit) => logit - 10_000),
}));

/**
 * A whole vocabulary, 100 to `largest` tokens, from a seed: too long to shrink token by token. Every magnitude is as
 * likely as every other, so that most are cheap.
 */
export function largePair(largest: number): fc.Arbitrary<LogitPair> {
  const sizeOf = (share: number) => Math.round(100 * (largest / 100) ** (share / 100));
  return fc
    .record({ size: fc.nat({ max: 100 }).map(sizeOf), seed: fc.nat({ max: 999 }) })
    .map(({ size, seed }) => ({
      base: noise(2 * seed, size),
      preference: noise(2 * seed + 1, size),
      [fc.toStringMethod]: () => `${size} tokens of noise, seed ${seed}`,
    }));
}

/** Any of them; a failure of one kind shrinks to a generic pair where that fails too. */
export function logitPair({ largest = 2000 }: { largest?: number } = {}): fc.Arbitrary<LogitPair> {
  return fc.oneof(
    { withCrossShrink: true },
    { weight: 20, arbitrary: genericPair },
    { weight: 6, arbitrary: peakedPair },
    { weight: 4, arbitrary: shiftedPair },
    { weight: 2, arbitrary: tiedPair },
    { weight: 2, arbitrary: equalPair },
    { weight: 1, arbitrary: largePair(largest) },
  );
}

/** Whole vocabularies now and then: pairs as above, and few with up to 50,000 tokens. */
export const anyPair: fc.Arbitrary<LogitPair> = fc.oneof(
  { withCrossShrink: true },
  { weight: 3000, arbitrary: logitPair() },
  { weight: 1, arbitrary: largePair(50_000) },
);

/**
 * Some tokens, never all, are impossible: after both prompts, or seldom after the preference prompt alone. The first one
 * is always possible.
 */
export const maskedPair: fc.Arbitrary<LogitPair> = fc
  .record({
    tokens: fc.array(fc.tuple(eighths(10), eighths(10), fc.boolean()), { minLength: 2, maxLength: 10 }),
    both: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  })
  .map(({ tokens, both }) => {
    const hide = (logit: number, a: number) => (a > 0 && tokens[a]![2] ? Number.NEGATIVE_INFINITY : logit);
    return {
      base: tokens.map(([base], a) => (both ? hide(base, a) : base)),
      preference: tokens.map(([, preference], a) => hide(preference, a)),
    };
  });

/** One row of utilities, logits or policy weights beside a pair: as long as the pair, cut from a longer one. */
export function rowBeside(pair: LogitPair, spare: readonly number[]): number[] {
  return pair.base.map((_, a) => spare[a % spare.length]!);
}

/** Spare entries for {@link rowBeside}. */
export const spareRow = fc.array(eighths(10), { minLength: 1, maxLength: 13 });

/** The log-policy of logits, rounded to float32, so that subjects of any type read the same numbers. */
export function policyRow(logits: Row): Float32Array {
  return Float32Array.from(logSoftmax(logits));
}

function noise(seed: number, size: number): number[] {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return [
    ...tabulate(size, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.round((state / 2 ** 32 - 0.5) * 160) / 8;
    }),
  ];
}
