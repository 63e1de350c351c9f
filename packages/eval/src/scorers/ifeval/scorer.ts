import { EvaluationError } from "../../errors.js";
import { repetition } from "../computed/quality.js";
import { shareOf, wordsOf } from "../computed/text-parts.js";
import type { Pair, Scorer } from "../scorer.js";
import { follows, followsLoosely } from "./instruction.js";

export type IfevalScore = "preference" | "fluency" | "all" | "loose" | "allLoose";

/**
 * IFEval's four accuracies, answer by answer, of what question and preference instruct: `preference` is the share of
 * the instructions that are followed, `all` 1 where every one is; `loose` and `allLoose` the same by the loose reading.
 * The mean of `preference` weighs questions alike, however many instructions they have. `fluency` as computed scores
 * have it.
 *
 * @param pairs what will be asked, each with an instruction
 * @throws EvaluationError `bad-score`
 */
export function ifevalScorer(pairs: readonly Pair[]): Scorer<IfevalScore> {
  const bare = pairs.find(({ instructions = [] }) => instructions.length === 0);
  if (bare) throw nothingToVerify(bare);
  return {
    names: ["preference", "fluency", "all", "loose", "allLoose"],
    score: (answer, { instructions = [] }) => {
      const strict = shareOf(instructions, (one) => follows(answer, one));
      const loose = shareOf(instructions, (one) => followsLoosely(answer, one));
      return {
        preference: strict,
        fluency: wordsOf(answer).length === 0 ? 0 : 1 - repetition(answer),
        all: Number(strict === 1),
        loose,
        allLoose: Number(loose === 1),
      };
    },
  };
}

function nothingToVerify({ question, preference }: Pair): EvaluationError {
  return new EvaluationError(
    "bad-score",
    `Nothing of ${JSON.stringify(question)} under ${JSON.stringify(preference)} can be verified: give the question ` +
      "instruction_id_list and kwargs, or the preference in the config instructions.",
  );
}
