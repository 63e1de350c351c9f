/** `amulet eval judge`: every setting against the reference before a judge, in both orders. */
import {
  defaultRubric,
  type JudgeServer,
  type JudgeSummary,
  judgeAnswers,
  pairAnswers,
  readRun,
  spellInterval,
  summariseJudgements,
  summariseRun,
} from "@amulet-ts/eval";
import type { Invocation } from "../../command.js";
import { usageError } from "../../errors.js";
import type { Io } from "../../io.js";
import { readTextInput } from "../../read-input.js";
import { writeJson, writeRows } from "../../terminal/output.js";
import { Progress } from "../../terminal/progress.js";
import { layOutTable } from "../../terminal/table.js";
import type { ActionValues } from "./command.js";
import { oneFolder } from "./folders.js";
import { readJudgedRun } from "./judged-run.js";
import { measureReward } from "./measure.js";
import { reportRun } from "./report.js";

type JudgeValues = ActionValues<"judge">;

interface JudgedSetting extends JudgeSummary {
  readonly setting: string;
  readonly name: string;
}

/** What only one of the two ways to judge reads. */
const ofServers = ["judge-model", "rubric", "max-requests", "max-cost", "price", "judge-tokens"] as const;
const ofRewards = ["reward-head", "backend", "threads"] as const;

export async function run(invocation: Invocation<JudgeValues>): Promise<void> {
  checkWay(invocation.values);
  await (invocation.values.reward === undefined ? judgePairs(invocation) : rateAnswers(invocation));
}

/** @throws CliError `usage` for options of the other way, which would do nothing */
function checkWay(values: JudgeValues): void {
  const { judge, reward } = values;
  if (judge !== undefined && reward !== undefined)
    throw usageError("--judge and --reward are two ways to judge: name one.");
  const foreign = (reward === undefined ? ofRewards : ofServers).find(
    (option) => values[option] !== undefined,
  );
  if (foreign === undefined) return;
  const [way, other] = reward === undefined ? ["a judge", "--reward"] : ["a reward model", "--judge"];
  throw usageError(`--${foreign} does nothing where ${way} is asked; it belongs to ${other}.`);
}

/** By a reward model: every answer gets its score, which reports have from then on. */
async function rateAnswers({ values, words, io }: Invocation<JudgeValues>): Promise<void> {
  const { reward: model, "reward-head": head = null, backend, threads } = values;
  const folder = oneFolder(words, "judge");
  const choice = { ...(backend !== undefined && { backend }), ...(threads !== undefined && { threads }) };
  await measureReward(folder, await readRun(folder), { model: model!, head, ...choice }, io);
  await reportRun(folder, values, io);
}

async function judgePairs({ values, words, io }: Invocation<JudgeValues>): Promise<void> {
  const server = readServer(values, io);
  const folder = oneFolder(words, "judge");
  const rubric =
    values.rubric === undefined ? defaultRubric : (await readTextInput(values.rubric, io)).trim();
  const { plan, judged, scorer } = await readJudgedRun(folder);
  const { groups, reference, measures } = summariseRun(plan, judged, scorer);
  const settings = groups[0]!.settings
    .filter(({ key }) => key !== reference.key)
    .map(({ key, name }) => ({ key, name, pairs: pairAnswers(judged, reference.key, key, measures[0]!) }));
  const progress = new Progress(io, "Judging");
  const prices = readPrices(values.price);
  const judgements = await judgeAnswers(
    folder,
    settings.flatMap(({ pairs }) => pairs),
    server,
    {
      rubric,
      signal: io.signal,
      ...(values["max-requests"] !== undefined && { maxRequests: values["max-requests"] }),
      ...(values["max-cost"] !== undefined && { maxCost: values["max-cost"] }),
      ...(prices && { prices }),
      onProgress: (done, total, tokens) =>
        progress.update(done, total, [
          `${done} of ${total} verdicts`,
          `${tokens.prompt} + ${tokens.completion} tokens`,
          ...(prices
            ? [
                `${((tokens.prompt * prices.prompt + tokens.completion * prices.completion) / 1e6).toFixed(2)} spent`,
              ]
            : []),
        ]),
    },
  ).finally(() => progress.clear());
  const judge = { model: server.model, rubric };
  const results = settings.map(({ key, name, pairs }): JudgedSetting => {
    return { setting: key, name, ...summariseJudgements(pairs, judgements, judge) };
  });
  if (values.json) return writeJson(io, { judge, reference: reference.key, settings: results });
  writeRows(io, formatVerdicts(results, reference.name));
}

/** @throws CliError `usage` */
function readServer(values: JudgeValues, { environment }: Io): JudgeServer {
  const { judge: url, "judge-model": model, "judge-tokens": maxTokens = 300 } = values;
  if (url === undefined || model === undefined) {
    throw usageError(
      "Who shall judge? Name a server and its model, --judge URL --judge-model NAME, or a reward model, --reward MODEL.",
    );
  }
  if (!/^https?:/.test(url) || !URL.canParse(url)) {
    throw usageError(
      `--judge must be an address such as http://localhost:8000/v1; it is ${JSON.stringify(url)}.`,
    );
  }
  const apiKey = environment.AMULET_JUDGE_API_KEY ?? environment.OPENAI_API_KEY;
  return { url, model, maxTokens, ...(apiKey !== undefined && { apiKey }) };
}

/** @throws CliError `usage` */
function readPrices(written: string | undefined) {
  if (written === undefined) return undefined;
  const [prompt, completion, ...more] = written
    .split(",")
    .map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (prompt !== undefined && completion !== undefined && prompt >= 0 && completion >= 0 && more.length === 0)
    return { prompt, completion };
  throw usageError(
    `--price must be two numbers with a comma, such as 0.5,1.5; it is ${JSON.stringify(written)}.`,
  );
}

function formatVerdicts(results: readonly JudgedSetting[], reference: string): string[] {
  const head = [`against ${reference}`, "wins", "at equal length", "orders agree", "pairs", "no verdict"];
  const share = (value: number | null) => (value === null ? "–" : `${Math.round(100 * value)} %`);
  const rows = results.map((one) => [
    one.name,
    one.winRate ? spellInterval(one.winRate) : "–",
    one.lengthControlled === null ? "–" : one.lengthControlled.toFixed(3),
    share(one.orderAgreement),
    String(one.pairs),
    String(one.invalid),
  ]);
  return layOutTable([head, ...rows], [2, 3, 4, 5]);
}
