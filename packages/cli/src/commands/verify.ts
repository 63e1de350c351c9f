/** `amulet verify`: every law, tried on every backend or on somebody's own implementation. */
import { access, readFile, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { RunningBackend } from "@amulet-ts/backends";
import {
  adamSubject,
  dualSubject,
  type Finding,
  joinVerifications,
  lawSources,
  listLaws,
  mirrorSubject,
  type OptimiserSubject,
  planChecks,
  projectedSubject,
  runChecks,
  type Subjects,
  toPlainData,
  total,
  type Verification,
  type VerifiedSubject,
  writeReport,
} from "@amulet-ts/verify";
import * as tf from "@tensorflow/tfjs-core";
import type { Invocation } from "../command.js";
import { CliError, usageError } from "../errors.js";
import type { Io } from "../io.js";
import type { OptionValues } from "../options.js";
import { writeJson, writeLines, writeNote } from "../output.js";
import { readJsonInput } from "../read-input.js";
import { didYouMean } from "../suggest.js";
import { colorsFor } from "../terminal/colors.js";
import { chooseBackends, startOrSkip, unitRoundoffOf } from "../verify/backends.js";
import { coreSubject } from "../verify/core-subject.js";
import { loadForeignSubject } from "../verify/foreign-subject.js";
import { LiveView } from "../verify/live-view.js";
import { modelsSubject } from "../verify/models-subject.js";
import { formatBreaches, formatSkips, formatTable, formatVerdict } from "../verify/view.js";

const defaultRuns = 100;
const defaultSeed = 0;

export async function run({ values, io }: Invocation): Promise<void> {
  checkLaws(values.law ?? []);
  if (values.list) {
    listAll(values, io);
    return;
  }
  await checkUsage(values);
  const verification = values.from ? await joinEarlier(values.from, io) : await verifyAll(values, io);
  await show(verification, values, io);
  io.signal.throwIfAborted();
  checkAllHold(verification);
}

/** Every column in turn, with the table filling up. */
async function verifyAll(values: OptionValues, io: Io): Promise<Verification> {
  const startedAt = new Date().toISOString();
  const plan = { runs: values.runs ?? defaultRuns, seed: values.seed ?? defaultSeed };
  const sources = values.subject === undefined ? await ours(values, io) : [await theirs(values.subject, io)];
  const view = new LiveView(io, [headline(values, plan)], sources.length, values.json === true);
  const subjects: VerifiedSubject[] = [];
  for (const open of sources) {
    if (io.signal.aborted) break;
    const judged = await open();
    if (judged) subjects.push(await verifyOne(judged, { ...plan, values, io, view }));
  }
  view.clear();
  return { startedAt, ...plan, software: await listSoftware(), subjects, interrupted: io.signal.aborted };
}

/** @throws CliError `unreadable-input`, VerifyError `bad-input` */
async function joinEarlier(files: readonly string[], io: Io): Promise<Verification> {
  const earlier: Verification[] = [];
  for (const file of files) earlier.push(readVerification(await readJsonInput(file, io), file));
  return joinVerifications(earlier as [Verification, ...Verification[]]);
}

function readVerification(value: unknown, file: string): Verification {
  const { seed, runs, startedAt, software, subjects } = (value ?? {}) as Partial<Verification>;
  const isWhole = typeof seed === "number" && typeof runs === "number" && typeof startedAt === "string";
  if (isWhole && software && Array.isArray(subjects)) return value as Verification;
  throw new CliError("unreadable-input", `${file} is not what \`amulet verify --json\` writes.`);
}

/** Something to judge, and how its column is called. */
interface Judged {
  readonly name: string;
  readonly description: string;
  readonly subjects: Subjects;
}

type OpenJudged = () => Promise<Judged | undefined>;

/** Core and the model families on each backend; the optimisers that use none stand in the first column. */
async function ours(values: OptionValues, io: Io): Promise<OpenJudged[]> {
  const { names, mayBeMissing } = chooseBackends(values.backends);
  return names.map((name, index) => async () => {
    const started = await startOrSkip(name, mayBeMissing);
    if ("missing" in started) return void writeNote(io, `${name} is not here. ${started.missing}`);
    const { running } = started;
    const unitRoundoff = unitRoundoffOf(running.name);
    const optimisers: OptimiserSubject[] =
      index === 0 ? [mirrorSubject(), projectedSubject(), dualSubject()] : [];
    return {
      name,
      description: describeBackend(running),
      subjects: {
        algorithm: { ...coreSubject, unitRoundoff },
        forward: { ...modelsSubject, unitRoundoff },
        optimisers: [...optimisers, adamSubject()],
      },
    };
  });
}

function describeBackend({ description, version }: RunningBackend): string {
  return description.includes(version) ? description : `${description} (${version})`;
}

async function theirs(file: string, io: Io): Promise<OpenJudged> {
  const { name, subjects, unknown } = await loadForeignSubject(file);
  if (unknown.length > 0) writeNote(io, `No law knows ${unknown.join(", ")} of ${file}: left alone.`);
  return async () => ({ name, description: file, subjects });
}

interface Surroundings {
  readonly runs: number;
  readonly seed: number;
  readonly values: OptionValues;
  readonly io: Io;
  readonly view: LiveView;
}

async function verifyOne(
  judged: Judged,
  { runs, seed, values, io, view }: Surroundings,
): Promise<VerifiedSubject> {
  const began = performance.now();
  const checks = planChecks(judged.subjects, { runs, ...(values.law && { laws: values.law }) });
  view.open(judged.name, checks);
  const findings: Finding[] = [];
  const options = {
    seed,
    signal: io.signal,
    onProgress: (progress: Parameters<LiveView["note"]>[0]) => view.note(progress),
    ...(values.path !== undefined && { path: values.path }),
  };
  for await (const finding of runChecks(checks, options)) {
    findings.push(finding);
    view.add(finding);
  }
  const { name, description } = judged;
  return { name, description, findings, seconds: (performance.now() - began) / 1000 };
}

function headline(values: OptionValues, { runs, seed }: { runs: number; seed: number }): string {
  const count = new Set(values.law ?? listLaws().map(({ name }) => name)).size;
  const what = values.subject ?? "core, models and optimisers";
  return `${count} law${count === 1 ? "" : "s"} on ${what}, up to ${runs.toLocaleString("en-US")} cases each, seed ${seed}`;
}

async function show(verification: Verification, values: OptionValues, io: Io): Promise<void> {
  const replay = (finding: Finding, subject: string) => replayCommand(finding, subject, values);
  if (values.json) writeJson(io, toPlainData(verification));
  else {
    const colors = colorsFor(io.stdout, io.environment);
    const { subjects } = verification;
    const descriptions = subjects.map(({ name, description }) => colors.dim(`${name}: ${description}`));
    writeLines(io, [headline(values, verification), ...descriptions, ""]);
    // As they are: breaking lines between words would take their indentation away.
    const { lines } = formatTable(subjects, colors);
    io.stdout.write(`${[...lines, ...formatBreaches(subjects, replay, colors), ""].join("\n")}\n`);
    const skips = formatSkips(subjects);
    writeLines(io, [...skips, ...(skips.length > 0 ? [""] : []), formatVerdict(verification, colors)]);
  }
  if (values.report !== undefined) await writeFile(values.report, writeReport(verification, replay));
}

/** The words that come to a counterexample again. */
function replayCommand({ law, counterexample }: Finding, subject: string, values: OptionValues): string {
  const where = values.subject === undefined ? `--backend ${subject}` : `--subject ${values.subject}`;
  return `amulet verify --law ${law} ${where} --seed ${counterexample?.seed} --path ${counterexample?.path}`;
}

function listAll(values: OptionValues, io: Io): void {
  const laws = listLaws()
    .filter(({ name }) => values.law?.includes(name) ?? true)
    .map((law) => ({ ...law, source: lawSources[law.name]! }));
  if (values.json) {
    writeJson(io, { laws });
    return;
  }
  const { bold, cyan, dim } = colorsFor(io.stdout, io.environment);
  const lines = laws.flatMap(({ group, name, statement, source }, i) => [
    ...(laws[i - 1]?.group === group ? [] : [...(i > 0 ? [""] : []), bold(group)]),
    `${cyan(name)}: ${statement} ${dim(`(${source})`)}`,
  ]);
  writeLines(io, lines);
}

function checkLaws(names: readonly string[]): void {
  const known = listLaws().map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const meant = didYouMean(unknown, known);
  throw usageError(`There is no law ${JSON.stringify(unknown)}.${meant} There are: ${known.join(", ")}.`);
}

async function checkUsage({ subject, backends, path, law, report }: OptionValues): Promise<void> {
  if (subject !== undefined && backends !== undefined)
    throw usageError(
      "--subject judges what a file computes, wherever that runs; --backend is for ours. Give one.",
    );
  if (path !== undefined && law?.length !== 1)
    throw usageError("--path replays a counterexample of one law: name that law with --law.");
  if (report === undefined) return;
  const folder = dirname(resolve(report));
  await access(folder).catch((cause: unknown) => {
    throw new CliError("unreadable-input", `There is no folder ${folder} to write the report to.`, { cause });
  });
}

async function listSoftware(): Promise<Record<string, string>> {
  const manifest = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
  return {
    amulet: String(manifest.version),
    "tfjs-core": tf.version_core,
    Node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
}

/** @throws CliError `broken-law` */
function checkAllHold({ subjects }: Verification): void {
  if (total(subjects).broken === 0) return;
  const broken = subjects.flatMap(({ name, findings }) =>
    findings.filter(({ outcome }) => outcome === "broken").map(({ label }) => `${label} on ${name}`),
  );
  throw new CliError("broken-law", `Broken: ${broken.join("; ")}.`);
}
