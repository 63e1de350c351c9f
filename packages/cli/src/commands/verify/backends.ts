/** Which backends to verify on, and how exact their arithmetic is. */
import { type BackendName, backendNames, type RunningBackend, startBackend } from "@amulet-ts/backends";
import { usageError } from "../../errors.js";
import { didYouMean } from "../../options/suggest.js";

/** Those that every machine has, the reference first. */
const everywhere = ["cpu", "wasm"] as const;

/** `--backend`, once for each, or `all`. @throws CliError `usage` */
export function readBackends(texts: readonly string[]): readonly string[] {
  for (const text of texts) {
    const known = [...backendNames, "all"];
    if (known.includes(text)) continue;
    throw usageError(
      `There is no backend ${JSON.stringify(text)}.${didYouMean(text, known)} There are: ${known.join(", ")}.`,
    );
  }
  return [...new Set(texts)];
}

/** A backend that may or may not start. */
export type StartedBackend =
  | { readonly running: RunningBackend }
  | { readonly name: string; readonly missing: string };

/**
 * The names that were asked for: cpu and wasm where none was, every one that starts where `all` was.
 *
 * @returns whether one that does not start is an error, or only not here
 */
export function chooseBackends(wanted: readonly string[] | undefined): {
  readonly names: readonly string[];
  readonly mayBeMissing: boolean;
} {
  if (wanted === undefined) return { names: everywhere, mayBeMissing: false };
  if (!wanted.includes("all")) return { names: wanted, mayBeMissing: false };
  const others = backendNames.filter((name) => !everywhere.some((known) => known === name));
  return { names: [...everywhere, ...others], mayBeMissing: true };
}

/** Starts it. @throws BackendError, unless it may be missing */
export async function startOrSkip(name: string, mayBeMissing: boolean): Promise<StartedBackend> {
  try {
    return { running: await startBackend(name) };
  } catch (error) {
    if (!mayBeMissing || !(error instanceof Error)) throw error;
    return { name, missing: error.message };
  }
}

/**
 * Half the gap between 1 and the next number of what a backend computes with. WGSL allows a quotient 5 roundings and an
 * exponential 6 + 4|x|, where IEEE 754's quotient has 1 and the exponentials of the others 4; laws count each as one
 * of several roundings, so the worse of the two ratios stands for all (docs/tolerances.md).
 */
export function unitRoundoffOf(backend: BackendName): number {
  const entropy = 2;
  return backend === "webgpu" ? 2 ** -24 * Math.max(5 / 1, (6 + 4 * entropy) / 4) : 2 ** -24;
}
