/** Names a run by everything that its cells depend on. */
import { createHash } from "node:crypto";
import type { RunIdentity } from "./cell.js";
import { batchSize, type RunWork } from "./compute-cells.js";

/** @param on the model, by its name and a digest of its files, and the backend that runs it */
export function identifyRun(
  { pairs, settings, answering: { maxNewTokens, temperature, seed } }: Omit<RunWork, "scorer">,
  on: Pick<RunIdentity, "model" | "backend">,
): RunIdentity {
  return {
    ...on,
    pairs: digestOf(pairs),
    pairCount: pairs.length,
    settings: digestOf(settings),
    settingCount: settings.length,
    batchSize,
    maxNewTokens,
    temperature,
    seed,
  };
}

function digestOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}
