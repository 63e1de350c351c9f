/** What a reward model says of an answer. */
import type { ChatMessage } from "@amulet-ts/core";
import { EvaluationError } from "../errors.js";
import type { Measure } from "./measure.js";

/** A reward model, as this package knows it. */
export interface Rater {
  readonly name: string;
  /** Of its files. */
  readonly digest: string;
  /** Rates chats whose last message is the answer: a number for each head, and the one that the model is for. */
  rate(
    chats: readonly (readonly ChatMessage[])[],
    signal?: AbortSignal,
  ): Promise<readonly { readonly heads: readonly number[]; readonly score: number | null }[]>;
}

const ratedAtOnce = 8;

/**
 * `reward`: the model's score, or the number of one head. It reads the question and the preference behind a space as the
 * user's turn, as in the paper, whatever the answering prompt had.
 *
 * @param head null takes the score
 * @throws EvaluationError `bad-score` when rating, for a head that there is not, or several of which none was chosen
 */
export function rewardMeasure(rater: Rater, head: number | null): Measure {
  return {
    names: ["reward"],
    by: JSON.stringify(["reward, 1", rater.name, rater.digest, head]),
    atOnce: ratedAtOnce,
    take: async (answers, signal) => {
      const chats = answers.map(({ answer, pair: { question, preference } }): ChatMessage[] => [
        { role: "user", content: `${question} ${preference}` },
        { role: "assistant", content: answer.text },
      ]);
      const ratings = await rater.rate(chats, signal);
      return ratings.map(({ heads, score }) => {
        const value = head === null ? score : heads[head];
        if (value === null || value === undefined) throw noSuchHead(rater, heads.length, head);
        return [value];
      });
    },
  };
}

function noSuchHead({ name }: Rater, count: number, head: number | null): EvaluationError {
  return new EvaluationError(
    "bad-score",
    `${name} has ${count} heads, ${head === null ? "and none that speaks for all: choose one" : `and there is no head ${head}: choose`}, ` +
      `from 0 to ${count - 1}.`,
  );
}
