/** `amulet verify`: every law, tried on every backend or on somebody's own implementation. */
import { randomInt } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { RunningBackend } from "@amulet-ts/backends";
import { writeAtomically } from "@amulet-ts/files";
import {
  adamSubject,
  describeRuns,
  dualSubject,
  type Finding,
  joinNames,
  joinVerifications,
  lawSources,
  listLaws,
  mirrorSubject,
  type OptimiserSubject,
  planChecks,
  projectedSubject,
  readVerification,
  runChecks,
  type Subjects,
  toPlainData,
  total,
  type Verification,
  type VerifiedSubject,
  VerifyError,
  writeReport,
} from "@amulet-ts/verify";
import { coreSubject, modelsSubject } from "@amulet-ts/verify/ours";
import * as tf from "@tensorflow/tfjs-core";
import type { Invocation } from "../../command.js";
import { CliError } from "../../errors.js";
import type { Io } from "../../io.js";
import { readJsonInput } from "../../read-input.js";
import { colorsFor } from "../../terminal/colors.js";
import { writeJson, writeLines, writeNote, writeRows } from "../../terminal/output.js";
import { chooseBackends, startOrSkip, unitRoundoffOf } from "./backends.js";
import type { VerifyValues } from "./command.js";
import { openJudgedEngine } from "./engine.js";
import { LiveView } from "./live-view.js";
import { loadForeignSubject } from "./subject/foreign-subject.js";
import { asUsage, checkLaws, checkUsage, preparing, quoteWord } from "./usage.js";
import { formatBreaches, formatSkips, formatTable, formatVerdict } from "./view.js";

const defaultRuns = 100;
const defaultSeed = 0;
const defaultBounds = { seconds: 10, megabytes: 2048 };

export async function run({ values, io }: Invocation<VerifyValues>): Promise<void> {
  checkLaws(values.law ?? []);
  if (values.list) {
    listAll(values, io);
    return;
  }
  await checkUsage(values);
  const { from } = values;
  const verification = from ? await preparing(() => joinEarlier(from, io)) : await verifyAll(values, io);
  await show(verification, values, io);
  io.signal.throwIfAborted();
  checkAllHold(verification);
  checkJudged(verification, values.law ?? []);
}

/** Every column in turn, with the table filling up. */
async function verifyAll(values: VerifyValues, io: Io): Promise<Verification> {
  const startedAt = new Date().toISOString();
  const { subject } = values;
  const plan = { runs: values.runs ?? defaultRuns, seed: values.seed ?? chooseSeed(subject) };
  const sources = await preparing(() => chooseSources(values, io));
  const view = new LiveView(io, [headline(values, plan)], sources.length, values.json === true);
  const subjects: VerifiedSubject[] = [];
  for (const open of sources) {
    if (io.signal.aborted) break;
    const judged = await preparing(open);
    if (judged) subjects.push(await verifyOne(judged, { ...plan, values, io, view }));
  }
  view.clear();
  return { startedAt, ...plan, software: await listSoftware(io), subjects, interrupted: io.signal.aborted };
}

/** Ours are tried on the same cases every time; for somebody else's, nobody can have written the answers down before. */
function chooseSeed(subject: string | undefined): number {
  return subject === undefined ? defaultSeed : randomInt(2 ** 31);
}

/** @throws CliError `unreadable-input`, VerifyError `bad-input` */
async function joinEarlier(files: readonly string[], io: Io): Promise<Verification> {
  const earlier: Verification[] = [];
  for (const file of files) earlier.push(readVerification(await readJsonInput(file, io), file));
  return joinVerifications(earlier as [Verification, ...Verification[]]);
}

/** Something to judge, and how its column is called. */
interface Judged {
  readonly name: string;
  readonly description: string;
  readonly subjects: Subjects;
  readonly file?: string;
  /** Gives back what judging it takes. */
  close?(): unknown;
}

type OpenJudged = () => Promise<Judged | undefined>;

async function chooseSources(values: VerifyValues, io: Io): Promise<OpenJudged[]> {
  const { subject, engine = "tfjs" } = values;
  if (subject !== undefined) return [await theirs(subject, values, io)];
  return engine === "tfjs" ? ours(values, io) : [() => openJudgedEngine(engine, io)];
}

/** Core and the model families on each backend; the optimisers that use none stand in the first column. */
async function ours(values: VerifyValues, io: Io): Promise<OpenJudged[]> {
  const { names, mayBeMissing } = chooseBackends(values.backend);
  // The last of those that were named may be missing as well: that is to be known before the first is tried.
  if (!mayBeMissing) for (const name of names) await startOrSkip(name, mayBeMissing);
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

async function theirs(file: string, values: VerifyValues, io: Io): Promise<OpenJudged> {
  const { seconds, megabytes } = defaultBounds;
  const bounds = {
    seconds: values["case-timeout"] ?? seconds,
    megabytes: values["case-memory"] ?? megabytes,
  };
  const { name, claims, subjects, unknown, close } = await loadForeignSubject(file, bounds, io.signal);
  if (unknown.length > 0) writeNote(io, `No law knows ${unknown.join(", ")} of ${file}: left alone.`);
  const description = claims.length > 0 ? `${file}, which claims ${claims.join(" and ")}` : file;
  return async () => ({ name, description, subjects, file, close });
}

interface Surroundings {
  readonly runs: number;
  readonly seed: number;
  readonly values: VerifyValues;
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
  try {
    for await (const finding of runChecks(checks, options)) {
      findings.push(finding);
      view.add(finding);
    }
  } catch (error) {
    // What was found by then is shown.
    if (!(error instanceof VerifyError && error.code === "aborted")) {
      view.clear();
      throw asUsage(error);
    }
  } finally {
    await judged.close?.();
  }
  const { subjects: _, close: __, ...facts } = judged;
  return { ...facts, findings, seconds: (performance.now() - began) / 1000 };
}

function headline(values: VerifyValues, { runs, seed }: { runs: number; seed: number }): string {
  const count = new Set(values.law ?? listLaws().map(({ name }) => name)).size;
  const what = values.subject ?? values.engine ?? "core, models and optimisers";
  return `${count} law${count === 1 ? "" : "s"} on ${what}, up to ${runs.toLocaleString("en-US")} cases each, seed ${seed}`;
}

/** Of runs that were put together, what each of them was to try. */
function headlineOf(verification: Verification): string {
  const { subjects, seed } = verification;
  const count = new Set(subjects.flatMap(({ findings }) => findings.map(({ law }) => law))).size;
  const where = joinNames(subjects.map(({ name }) => name));
  const runs = `up to this many cases each: ${describeRuns(verification)}`;
  return `${count} law${count === 1 ? "" : "s"} on ${where}, put together; ${runs}; seed ${seed}`;
}

async function show(verification: Verification, values: VerifyValues, io: Io): Promise<void> {
  if (values.json) writeJson(io, toPlainData(verification));
  else {
    const colors = colorsFor(io.stdout, io.environment);
    const { subjects } = verification;
    const descriptions = subjects.map(({ name, description }) => colors.dim(`${name}: ${description}`));
    const head = verification.parts ? headlineOf(verification) : headline(values, verification);
    writeLines(io, [head, ...descriptions, ""]);
    // As they are: breaking lines between words would take their indentation away.
    const { lines } = formatTable(subjects, colors);
    writeRows(io, [...lines, ...formatBreaches(subjects, replayCommand, colors), ""]);
    const skips = formatSkips(subjects);
    writeLines(io, [...skips, ...(skips.length > 0 ? [""] : []), formatVerdict(verification, colors)]);
  }
  if (values.report !== undefined)
    await writeAtomically(values.report, writeReport(verification, replayCommand));
}

/** The words that come to a counterexample again. */
function replayCommand({ law, counterexample }: Finding, { name, file }: VerifiedSubject): string {
  const where = file === undefined ? `--backend ${name}` : `--subject ${quoteWord(file)}`;
  return `amulet verify --law ${law} ${where} --seed ${counterexample?.seed} --path ${counterexample?.path}`;
}

function listAll(values: VerifyValues, io: Io): void {
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

/** Versions; the commit too where whoever runs this, a build server for instance, says it in the environment. */
async function listSoftware({ environment }: Io): Promise<Record<string, string>> {
  const manifest = JSON.parse(await readFile(new URL("../../../package.json", import.meta.url), "utf8"));
  const commit = environment.GIT_COMMIT ?? environment.GITHUB_SHA;
  return {
    amulet: String(manifest.version),
    ...(commit && { commit }),
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

/** A verification that judged nothing must not look like one that found nothing. @throws CliError `not-judged` */
function checkJudged({ subjects, interrupted }: Verification, wanted: readonly string[]): void {
  if (interrupted) throw new CliError("not-judged", "It was interrupted before every law was judged.");
  const judged = subjects
    .flatMap(({ findings }) => findings)
    .filter(({ outcome, runs }) => outcome !== "skipped" && runs > 0)
    .map(({ law }) => law);
  const skipped = wanted.filter((law) => !judged.includes(law));
  if (skipped.length > 0)
    throw new CliError("not-judged", `Not judged although --law names it: ${skipped.join(", ")}.`);
  if (judged.length === 0) throw new CliError("not-judged", "No law was judged: there was nothing to try.");
}
