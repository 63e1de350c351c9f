/** The lab's scores beside the answers of `compare`. */
import type { Engine } from "@amulet-ts/core";
import { isKnownQuestion, type Judgement, judgeAnswer, preferenceNamed } from "@amulet-ts/lab";
import { isEmbedded } from "../../options/model.js";
import type { Asked, AskedQuestion } from "../../options/prompts.js";

/** How an answer is scored, and what can't be. */
export interface Judge {
  /** Absent where the lab has nothing to say. */
  readonly judge?: (answer: string) => Judgement;
  readonly note?: string;
}

/** The lab judges the model that speaks its language; of any other it would say that nothing is grammatical. */
export function openJudge(engine: Engine, asked: Asked): Judge {
  if (!isEmbedded(engine) || asked.kind === "ids") return {};
  const { question } = asked.question;
  const preference = onlyPreference(asked.question);
  const unscored = [
    ...(isKnownQuestion(question) ? [] : ["on topic (not a question of the lab's)"]),
    ...(preference && preferenceNamed(preference) ? [] : ["preference (not one of the lab's)"]),
  ];
  return {
    judge: (answer) => judgeAnswer(answer, question, preference),
    ...(unscored.length > 0 && { note: unscored.join(", ") }),
  };
}

/** Several preferences, or a weighted one, are more than one score can say. */
function onlyPreference({ preferences }: AskedQuestion): string | undefined {
  const [only, second] = preferences;
  return second === undefined && only?.weight === 1 ? only.text : undefined;
}
