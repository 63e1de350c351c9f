/** How an answer is judged: numbers that can be computed of it, each between 0 and 1. */
import { EvaluationError } from "../errors.js";
import type { Instruction } from "./ifeval/instruction.js";

/** A question and what its asker likes, as a sentence. */
export interface Pair {
  readonly question: string;
  readonly preference: string;
  /** What can be verified of it, where question or preference say so. */
  readonly instructions?: readonly Instruction[];
}

/** What was measured, by name. */
export type Scores<Name extends string = string> = Readonly<Record<Name, number>>;

/** Judges an answer to a question under a preference. */
export interface Scorer<Name extends string = string> {
  /** The scores that it gives, in the order in which files have them. */
  readonly names: readonly Name[];
  /** @returns every named score, between 0 and 1 */
  score(answer: string, asked: Pair): Scores<Name> | Promise<Scores<Name>>;
}

/** Fields of cells and of summaries, beside which scores stand. */
const reserved = new Set(
  "setting pair text tokens finishReason drift scores kind value pairs cut".split(" "),
);

/** @throws EvaluationError `bad-score` for names of scores that are taken or given twice */
export function checkScorer({ names }: Scorer): void {
  const bad = names.find((name, i) => reserved.has(name) || names.indexOf(name) !== i);
  if (bad === undefined) return;
  throw new EvaluationError(
    "bad-score",
    `A score can't be named ${JSON.stringify(bad)}: ` +
      `${reserved.has(bad) ? "every answer has a field of that name" : "another score has that name"}. Rename it in the scorer.`,
  );
}

/**
 * The scores of an answer, in the scorer's order and no others.
 *
 * @throws EvaluationError `bad-score` where one is missing or does not lie between 0 and 1
 */
export async function judge<Name extends string>(
  scorer: Scorer<Name>,
  answer: string,
  asked: Pair,
): Promise<Scores<Name>> {
  const scores = await scorer.score(answer, asked);
  const bad = scorer.names.find((name) => !(scores[name] >= 0 && scores[name] <= 1));
  if (bad !== undefined) throw badScore(bad, scores[bad], asked);
  return pickScores(scorer, scores);
}

/** The named scores out of whatever holds them. */
export function pickScores<Name extends string>(
  { names }: Scorer<Name>,
  from: Readonly<Record<string, unknown>>,
): Scores<Name> {
  return Object.fromEntries(names.map((name) => [name, from[name]])) as Scores<Name>;
}

function badScore(name: string, value: unknown, { question, preference }: Pair): EvaluationError {
  return new EvaluationError(
    "bad-score",
    `A scorer must give a number between 0 and 1 as ${name}; it is ${String(value)} for an answer to ` +
      `${JSON.stringify(question)} under ${JSON.stringify(preference)}.`,
  );
}
