import { interruptible } from "./interruptible.js";
import { checkOptions, type OpenEngineOptions } from "./options.js";
import type { OpenRewardModel } from "./tfjs.js";

export type { OpenRewardModel } from "./tfjs.js";

export type OpenRewardModelOptions = Pick<
  OpenEngineOptions,
  "backend" | "threads" | "kernels" | "precision" | "signal" | "onDownload" | "onProgress" | "environment"
> & {
  /** A folder in Hugging Face's layout or a model of the hub: a sequence classifier or ArmoRM. */
  readonly model: string;
};

/**
 * Opens a reward model by any name, ready to rate answers; it computes here, on TensorFlow.js. The caller disposes it.
 *
 * @throws as `openEngine`
 */
export async function openRewardModel(options: OpenRewardModelOptions): Promise<OpenRewardModel> {
  checkOptions(options, "openRewardModel");
  const { openRewards } = await import("./tfjs.js");
  return interruptible(options.signal, () => openRewards(options));
}
