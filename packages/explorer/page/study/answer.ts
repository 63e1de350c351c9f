/** What a point of the embedded model's curves says, and the preference prompt: answers given again. A chunk of its own. */
import { generate, type MethodDescription } from "@amulet-ts/web";
import type { CurveName } from "../../src/state.js";
import type { InPageModel } from "../models/in-page.js";

/** What each point of a curve was answered with. */
const methods: { readonly [Curve in CurveName]: (value: number) => MethodDescription } = {
  strength: (x) => ({ name: "guidance", guidanceScale: x }),
  budget: (nats) => ({ name: "bounded", nats }),
  masked: (ratio) => ({ name: "la", ratio, plausibility: 0.8 }),
};

export interface StudyOrder {
  readonly question: string;
  readonly preference: string;
  readonly curve: CurveName;
  readonly value: number;
}

/**
 * Both answers as they grow, of as many tokens as the study's.
 *
 * @param tell hears the text of the one with this index: 0 is the preference prompt's
 */
export async function answerAgain(
  { engine }: InPageModel,
  { question, preference, curve, value }: StudyOrder,
  tell: (index: number, text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const said = ["", ""];
  const steering = [methods.strength(1), methods[curve](value)];
  const options = { question, preference, methods: steering, maxNewTokens: 144, signal };
  for await (const { index, text, answer } of generate(engine.model, options)) {
    said[index] = answer?.text ?? said[index] + text;
    tell(index, said[index]!);
  }
}
