/** `amulet eval status`: how far a run is, and who is at work on it. */
import { readRun, readStatus } from "@amulet-ts/eval";
import type { Invocation } from "../../command.js";
import { formatCount, writeJson, writeLines } from "../../terminal/output.js";
import type { ActionValues } from "./command.js";
import { oneFolder } from "./folders.js";

export async function run({ values, words, io }: Invocation<ActionValues<"status">>): Promise<void> {
  const folder = oneFolder(words, "status");
  const plan = await readRun(folder);
  const status = await readStatus(folder, plan);
  if (values.json) return writeJson(io, { folder, source: plan.source, ...status });
  const { done, total, tokens, last, strangers, workers } = status;
  const { model, engine, backend } = plan.source;
  writeLines(io, [
    `${model} · ${engine}, ${backend}`,
    `${formatCount(plan.questions.length, "question")} · ${plan.settings.length} settings · ` +
      `${done} of ${total} answers (${Math.floor((100 * done) / total)} %), ${formatCount(tokens, "token")}`,
    ...(last === null ? [] : [`last answer ${last}`]),
    ...Object.entries(workers).map(
      ([shard, { pid, host, since }]) => `at work: ${shard}, process ${pid} on ${host} since ${since}`,
    ),
    ...(strangers > 0 ? [`${formatCount(strangers, "line")} of no question of this run, left out`] : []),
  ]);
}
