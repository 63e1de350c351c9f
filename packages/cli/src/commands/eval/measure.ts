/** What models say of a run's answers: its own of each answer's likelihood, a reward model of its worth. */
import type { Engine } from "@amulet-ts/core";
import { openRewardModel } from "@amulet-ts/engines";
import {
  likelihoodMeasure,
  type Measure,
  type Rater,
  type RunPlan,
  rewardMeasure,
  takeMeasure,
} from "@amulet-ts/eval";
import type { Io } from "../../io.js";
import { withDownload } from "../../options/model.js";
import { digestModel } from "../../options/model-digest.js";
import { writeNote } from "../../terminal/output.js";
import { Progress } from "../../terminal/progress.js";

/** @throws CoreError `not-covered` of an engine without the whole vocabulary */
export async function measureLikelihood(
  folder: string,
  plan: RunPlan,
  engine: Pick<Engine, "model" | "tokenizer">,
  io: Io,
): Promise<void> {
  await take(folder, plan, likelihoodMeasure(engine, plan), "Measuring likelihoods", io);
}

export interface RewardChoice {
  readonly model: string;
  readonly head: number | null;
  readonly backend?: string;
  readonly threads?: number;
}

/** @throws FilesError, ModelError, BackendError; EvaluationError `bad-score` for a head that there is not */
export async function measureReward(
  folder: string,
  plan: RunPlan,
  { model: name, head, backend, threads }: RewardChoice,
  io: Io,
): Promise<void> {
  const loading = new Progress(io, "Loading the reward model");
  const opened = await withDownload(name, io, (onDownload) =>
    openRewardModel({
      model: name,
      ...(backend !== undefined && { backend }),
      ...(threads !== undefined && { threads }),
      signal: io.signal,
      environment: io.environment,
      onDownload,
      onProgress: ({ done, total }) => loading.update(done, total),
    }).finally(() => loading.clear()),
  );
  for (const note of opened.notes) writeNote(io, note);
  using model = opened.model;
  const rater: Rater = {
    name: model.name,
    digest: await digestModel(opened.source),
    rate: (chats, signal) =>
      model.rate(
        chats.map((chat) => model.render(chat)),
        signal,
      ),
  };
  await take(folder, plan, rewardMeasure(rater, head), "Rating", io);
}

async function take(folder: string, plan: RunPlan, measure: Measure, what: string, io: Io): Promise<void> {
  const progress = new Progress(io, what);
  await takeMeasure(folder, plan, measure, {
    signal: io.signal,
    onProgress: (done, total) => progress.update(done, total, [`${done} of ${total} answers`]),
  }).finally(() => progress.clear());
}
