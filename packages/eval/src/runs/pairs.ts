/** Which questions are asked under which preferences, in the order in which everything counts them. */
import { EvaluationError } from "../errors.js";
import type { Instruction } from "../scorers/ifeval/instruction.js";
import type { Pair } from "../scorers/scorer.js";
import type { RunPreference } from "./config.js";

/** A question of a set. */
export interface Question {
  /** Unique in its set: the row's own id, or its number. */
  readonly id: string;
  readonly question: string;
  /** Where the question states its own preference. */
  readonly preference?: RunPreference;
  /** What the question itself instructs. */
  readonly instructions?: readonly Instruction[];
}

export interface RunPair extends Pair {
  readonly questionId: string;
  /** Number of the question in the set. */
  readonly questionNumber: number;
  readonly preferenceName: string;
  /** Of a preference that is several at once. */
  readonly parts?: readonly PreferencePart[];
}

/** One preference of several. */
export interface PreferencePart {
  readonly name: string;
  readonly text: string;
}

/** Every question under every preference, or under its own. @throws EvaluationError `bad-questions` */
export function pairUp(questions: readonly Question[], preferences: readonly RunPreference[]): RunPair[] {
  checkIds(questions);
  return questions.flatMap(({ id, question, preference, instructions = [] }, number) => {
    const asked = preference ? [preference] : preferences;
    if (asked.length === 0) throw badQuestions(`the question ${JSON.stringify(id)} has no preference`);
    return asked.map(({ name, text, parts, instructions: more = [] }) => {
      const all = [...instructions, ...more];
      return {
        question,
        preference: text,
        questionId: id,
        questionNumber: number,
        preferenceName: name,
        ...(parts && { parts }),
        ...(all.length > 0 && { instructions: all }),
      };
    });
  });
}

function checkIds(questions: readonly Question[]): void {
  if (questions.length === 0) throw badQuestions("it is empty");
  const seen = new Set<string>();
  for (const { id } of questions) {
    if (seen.has(id)) throw badQuestions(`two questions have the id ${JSON.stringify(id)}`);
    seen.add(id);
  }
}

function badQuestions(what: string): EvaluationError {
  return new EvaluationError("bad-questions", `The set of questions can't be asked: ${what}.`);
}
