import { refuseUnlessWhole } from "@amulet-ts/core";
import {
  answerRows,
  hasRecord,
  loadQuestions,
  OpenShard,
  parseConfig,
  parseShard,
  planRun,
  type RunConfig,
  type RunPlan,
  readAnswers,
  readRun,
  type Shard,
  wholeRun,
} from "@amulet-ts/eval";
import type { Invocation } from "../../command.js";
import { usageError } from "../../errors.js";
import type { Io } from "../../io.js";
import { isEmbedded, openModel, withDownload } from "../../options/model.js";
import { digestModel } from "../../options/model-digest.js";
import { readTextInput } from "../../read-input.js";
import { AnswersProgress } from "../../terminal/answers-progress.js";
import { formatCount, writeNote } from "../../terminal/output.js";
import { readVersion } from "../../version.js";
import type { ActionValues } from "./command.js";
import { defaultFolder } from "./folders.js";
import { everydayDefaults, labDefaults, questionSets, scorerOf } from "./known.js";
import { measureLikelihood, measureReward } from "./measure.js";
import { reportRun } from "./report.js";

type RunValues = ActionValues<"run">;
type Engine = Awaited<ReturnType<typeof openModel>>;

export async function run({ values, words, io }: Invocation<RunValues>): Promise<void> {
  if (words.length > 0) throw usageError(`\`amulet eval run\` takes options only; got ${words.join(" ")}.`);
  const { out: folder = defaultFolder, shard: written } = values;
  const shard = written === undefined ? wholeRun : parseShard(written);
  const asked = await readConfig(values, folder, io);
  const { plan, total } = await answerShard(folder, shard, asked, values, io);
  if (total === 0) {
    const count = formatCount(plan.questions.length, "question");
    writeNote(io, `share ${written} is empty, as the run has ${count}: there is nothing to do.`);
    if ((await readAnswers(folder)).size === 0) return;
  }
  const { reward } = plan.config.measures;
  const { backend, threads } = values;
  if (reward)
    await measureReward(
      folder,
      plan,
      { ...reward, ...(backend !== undefined && { backend }), ...(threads !== undefined && { threads }) },
      io,
    );
  await reportRun(folder, values, io);
}

interface AnsweredShard {
  readonly plan: RunPlan;
  /** Answers that the share has. */
  readonly total: number;
}

/** Answers what is missing of a share, and measures what the model itself is to say. */
async function answerShard(
  folder: string,
  shard: Shard,
  asked: Asked,
  values: RunValues,
  io: Io,
): Promise<AnsweredShard> {
  await using engine = await openModel(modelValues(values, asked), io);
  const plan = await makePlan(asked, engine, values, io);
  scorerOf(plan);
  const { likelihood } = plan.config.measures;
  if (likelihood) refuseUnlessWhole(engine.model, "likelihoods");
  const open = await OpenShard.open(folder, plan, shard);
  try {
    await answerAll(engine, open, io);
    if (likelihood) await measureLikelihood(folder, plan, engine, io);
  } catch (error) {
    if (io.signal.aborted) writeNote(io, `what is complete is in ${folder}; the same command goes on.`);
    throw error;
  } finally {
    await open.close();
  }
  return { plan, total: open.total };
}

/** What is asked: of a run that is there, what it was begun with; else the file's, or the defaults. */
interface Asked {
  readonly config: RunConfig;
  /** The run that is gone on with. */
  readonly plan?: RunPlan;
}

async function readConfig({ config: file, model }: RunValues, folder: string, io: Io): Promise<Asked> {
  if (file === undefined && (await hasRecord(folder))) {
    const plan = await readRun(folder);
    return { config: plan.config, plan };
  }
  const text = file === undefined ? "" : await readTextInput(file, io);
  const source = file ?? "the default";
  const named = parseConfig(text, { ...everydayDefaults, ...(model !== undefined && { model }) }, source);
  if (named.model !== null || named.engine.startsWith("http")) return { config: named };
  return { config: parseConfig(text, labDefaults, source) };
}

/** Options of the command line say where and by what, the config what is missing then. */
function modelValues(values: RunValues, { config }: Asked) {
  const model = values.model ?? config.model ?? undefined;
  const engine = values.engine ?? config.engine;
  const backend = values.backend ?? (config.backend as RunValues["backend"] | null) ?? undefined;
  return {
    ...values,
    ...(model !== undefined && { model }),
    engine,
    ...(backend !== undefined && { backend }),
  };
}

async function makePlan(
  { config, plan }: Asked,
  engine: Engine,
  values: RunValues,
  io: Io,
): Promise<RunPlan> {
  const kind = values.engine ?? config.engine;
  const isServer = /^https?:/.test(kind);
  const source = {
    model: isEmbedded(engine) ? "the embedded model" : engine.model.name,
    digest: isServer ? kind : await digestModel(engine.source),
    engine: isServer ? "http" : kind,
    backend: engine.backend.name,
    versions: { amulet: await readVersion(), engine: engine.backend.version },
  };
  const loaded = plan
    ? { questions: plan.questions, choice: config.questions }
    : await withDownload(config.questions.source, io, (onProgress) =>
        loadQuestions(config.questions, questionSets, {
          signal: io.signal,
          environment: io.environment,
          onProgress,
        }),
      );
  const model = values.model === undefined ? {} : { model: values.model };
  return planRun(source, { ...config, ...model, engine: kind, questions: loaded.choice }, loaded.questions);
}

async function answerAll({ model }: Engine, open: OpenShard, io: Io): Promise<void> {
  let done = open.total - open.missing.length;
  const progress = new AnswersProgress(io, done, open.total);
  try {
    progress.update(done);
    const onTokens = (count: number) => progress.update(done, count);
    for await (const rows of answerRows(model, open.plan, open.missing, { signal: io.signal, onTokens })) {
      await open.add(rows);
      done += rows.length;
      progress.update(done);
    }
  } finally {
    progress.clear();
  }
}
