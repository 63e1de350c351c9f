/** `amulet lab score`: any text under the lab's three scores, with what the grammar made of every sentence. */
import { meanOf } from "@amulet-ts/eval";
import { type Judgement, judgeAnswer, preferenceNames } from "@amulet-ts/lab";
import * as v from "valibot";
import type { Invocation } from "../../command.js";
import { CliError, usageError } from "../../errors.js";
import type { Io } from "../../io.js";
import { didYouMean } from "../../options/suggest.js";
import { readTextInput } from "../../read-input.js";
import { colorsFor } from "../../terminal/colors.js";
import { formatScores } from "../../terminal/format-scores.js";
import { writeJson, writeLines } from "../../terminal/output.js";
import { printable } from "../../terminal/printable.js";
import { layOutTable } from "../../terminal/table.js";
import type { ActionValues } from "./command.js";

type ScoreValues = ActionValues<"score">;

interface GivenAnswer {
  readonly question: string;
  readonly preference?: string;
  readonly answer: string;
}

interface Judged extends GivenAnswer {
  readonly judgement: Judgement;
}

export async function run({ values, words, io }: Invocation<ScoreValues>): Promise<void> {
  const [name, ...others] = words;
  if (name === undefined || others.length > 0) {
    throw usageError("Name one file to score, or - for standard input: amulet lab score FILE.");
  }
  if (values.question === undefined && values.preference !== undefined) {
    throw usageError(
      "--preference belongs to a plain text, with --question; a file of JSON lines states its own.",
    );
  }
  const text = await readTextInput(name, io);
  const source = name === "-" ? "standard input" : name;
  const given =
    values.question === undefined ? parseLines(text, source) : [plainAnswer(text, values.question, values)];
  const judged = given.map(
    (one): Judged => ({ ...one, judgement: judgeAnswer(one.answer, one.question, one.preference) }),
  );
  if (values.json) return writeJson(io, { answers: judged.map(describe), means: meansOf(judged) });
  writeLines(io, [...judged.flatMap((one) => formatJudged(one, io)), ...formatMeans(judged)]);
}

/** Lines of a plain text break where they like, so that all white space is one space to the scorer, which is exact. */
function plainAnswer(answer: string, question: string, { preference = [] }: ScoreValues): GivenAnswer {
  const [stated, second] = preference;
  if (second !== undefined) throw usageError("lab score reads one --preference.");
  return {
    question,
    answer: answer.replace(/\s+/g, " ").trim(),
    ...(stated !== undefined && { preference: stated }),
  };
}

/** One object a line: question, answer, and the preference where one was stated. */
function parseLines(text: string, name: string): GivenAnswer[] {
  const lines = text.split("\n").flatMap((line, i) => (line.trim() === "" ? [] : [{ line, number: i + 1 }]));
  if (lines.length === 0) throw new CliError("unreadable-input", `There is nothing to score in ${name}.`);
  return lines.map(({ line, number }) => checkLine(parseLine(line, number, name), number, name));
}

function parseLine(line: string, number: number, name: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw badLine(number, name, cause);
  }
}

const givenAnswer = v.object({
  question: v.string(),
  answer: v.string(),
  preference: v.exactOptional(v.string()),
});

function checkLine(value: unknown, number: number, name: string): GivenAnswer {
  const { success, output } = v.safeParse(givenAnswer, value);
  if (success) return output;
  throw badLine(number, name);
}

function badLine(number: number, name: string, cause?: unknown): CliError {
  return new CliError(
    "unreadable-input",
    `Line ${number} of ${name} must be a JSON object with the texts question and answer, and preference where one ` +
      "was stated. For a plain text, give --question.",
    { cause },
  );
}

function describe({ judgement: { relevance, preference, ...judgement }, ...given }: Judged) {
  return {
    ...given,
    ...judgement,
    relevance: relevance ?? null,
    preferenceStrength: preference?.strength ?? null,
  };
}

function formatJudged({ question, preference, judgement }: Judged, io: Io): string[] {
  const { bold, dim, red } = colorsFor(io.stdout, io.environment);
  const asked = preference === undefined ? question : `${question} ${preference}`;
  const rows = judgement.sentences.map(({ text, reading }) =>
    reading
      ? [`  ${reading.slot}`, reading.voice === "neutral" ? "–" : reading.voice, printable(text)]
      : [`  ${red("rejected")}`, "", printable(text)],
  );
  return [
    bold(printable(asked)),
    ...layOutTable(rows, []),
    dim(`  ${[...formatScores(judgement), ...unscored(judgement, preference)].join(" · ")}`),
    "",
  ];
}

function unscored({ relevance, preference: scored }: Judgement, preference: string | undefined): string[] {
  const missing = [
    ...(relevance === undefined ? ["topic"] : []),
    ...(preference !== undefined && !scored
      ? [`preference, which is none of the eight${hint(preference)}`]
      : []),
  ];
  return missing.length === 0 ? [] : [`not scored: ${missing.join(", ")}`];
}

function hint(preference: string): string {
  const meant = preference.replace(/^Your answer should be /i, "").replace(/\W+$/, "");
  return `: ${preferenceNames.join(", ")}.${didYouMean(meant, preferenceNames)}`;
}

/** Of what could be scored; null where nothing could. */
function meansOf(judged: readonly Judged[]) {
  const mean = (pick: (judgement: Judgement) => number | undefined) => {
    const values = judged.flatMap(({ judgement }) => pick(judgement) ?? []);
    return values.length === 0 ? null : meanOf(values);
  };
  return {
    grammaticality: mean(({ grammaticality }) => grammaticality),
    relevance: mean(({ relevance }) => relevance),
    preferenceStrength: mean(({ preference }) => preference?.strength),
  };
}

function formatMeans(judged: readonly Judged[]): string[] {
  if (judged.length < 2) return [];
  const { grammaticality, relevance, preferenceStrength } = meansOf(judged);
  const show = (value: number | null) => (value === null ? "–" : value.toFixed(3));
  return [
    `means of ${judged.length} answers: grammatical ${show(grammaticality)} · on topic ${show(relevance)} · preference ${show(preferenceStrength)}`,
  ];
}
