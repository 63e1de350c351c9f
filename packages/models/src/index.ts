/** The package in Node: models by their paths. */
import { onDisk } from "@amulet-ts/files";
import { type LoadModelOptions, loadModel as loadModelAt, type Model } from "./loading/load-model.js";
import { loadRewardModel as loadRewardModelAt, type RewardModel } from "./rewards/reward-model.js";

export * from "./public.js";

/**
 * Loads a model onto the running backend.
 *
 * @param path a folder in Hugging Face's layout or a GGUF file
 * @throws FilesError for a file that is not there, damaged or hostile; ModelError for an unknown architecture or one too
 *   large; CoreError `aborted`; nothing is left in memory then
 */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<Model> {
  return loadModelAt(onDisk(path), options);
}

/**
 * Loads a reward model onto the running backend: transformers' sequence classifiers with one head or several on Llama,
 * Mistral, Qwen2 and Qwen3, and ArmoRM's gated rewards.
 *
 * @param path a folder in Hugging Face's layout
 * @throws as `loadModel`
 */
export async function loadRewardModel(path: string, options: LoadModelOptions = {}): Promise<RewardModel> {
  return loadRewardModelAt(onDisk(path), options);
}
