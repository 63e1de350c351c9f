/** Calls functions with wrong values, and says what came of it that should not have. */
import { CoreError } from "@amulet-ts/core";
import { FilesError } from "@amulet-ts/files";
import { ModelError } from "@amulet-ts/models";
import * as tf from "@tensorflow/tfjs-core";
import { type Call, drain } from "./calls.js";
import { Boom, Draws } from "./values.js";

type Functions = Readonly<Record<string, unknown>>;

/** The functions that a package exports. */
export function functionsOf(exported: Functions): string[] {
  return Object.keys(exported).filter((name) => typeof exported[name] === "function");
}

/**
 * Tries `count` cases, one seed each.
 *
 * @returns a line for each case that ended neither with a typed error nor with a sound value, or left tensors
 */
export async function tryCalls(
  exported: Functions,
  calls: Readonly<Record<string, Call>>,
  count: number,
): Promise<string[]> {
  const names = Object.keys(calls);
  const wrong: string[] = [];
  for (let seed = 0; seed < count; seed++) {
    const name = names[seed % names.length]!;
    const run = calls[name]!.run ?? exported[name];
    const problem = await tryOne(run as (...args: unknown[]) => unknown, calls[name]!, seed);
    if (problem !== undefined) wrong.push(`${name} (seed ${seed}): ${problem}`);
  }
  return wrong;
}

async function tryOne(
  run: (...args: unknown[]) => unknown,
  call: Call,
  seed: number,
): Promise<string | undefined> {
  const before = tf.memory().numTensors;
  const draws = new Draws(seed);
  const args = spoilSome(call.args(draws), draws);
  let problem: string | undefined;
  try {
    problem = await takeResult(run(...args), call.mayBeNaN === true);
  } catch (error) {
    const isTyped = [CoreError, ModelError, FilesError, Boom].some((kind) => error instanceof kind);
    if (!isTyped)
      problem =
        error instanceof Error
          ? String(error.stack).split("\n").slice(0, 9).join(" | ")
          : "it threw no error";
  }
  draws.dispose();
  const left = tf.memory().numTensors - before;
  return problem ?? (left === 0 ? undefined : `${left} tensors left`);
}

function spoilSome(right: readonly unknown[], draws: Draws): unknown[] {
  if (right.length === 0) return [draws.wrong()];
  if (draws.chance(0.1)) return right.map(() => draws.wrong());
  if (draws.chance(0.05)) return right.slice(0, draws.below(right.length));
  const which = draws.below(right.length);
  return right.map((value, i) => (i === which ? draws.spoil(value) : value));
}

/** Gives the result back, and says what is unsound of it. */
async function takeResult(returned: unknown, mayBeNaN: boolean): Promise<string | undefined> {
  if (isStream(returned)) {
    await drain(returned);
    return undefined;
  }
  const result = await returned;
  if (!mayBeNaN && Number.isNaN(result)) return "it returned NaN";
  if (hasDispose(result)) result.dispose();
  else if (result !== null && typeof result === "object") tf.dispose(result as tf.TensorContainer);
  return undefined;
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function hasDispose(value: unknown): value is { dispose(): void } {
  return (
    typeof value === "object" && value !== null && "dispose" in value && typeof value.dispose === "function"
  );
}
