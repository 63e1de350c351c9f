/** What a point of the embedded model's curves says: its answer, given again. A chunk of its own. */
import { generate, type MethodDescription } from "@amulet-ts/web";
import type { CurveName } from "../src/state.js";
import type { InPageModel } from "./models/in-page.js";

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

/** @returns the whole answer, of as many tokens as the study's */
export async function answerOnce(
  { engine }: InPageModel,
  { question, preference, curve, value }: StudyOrder,
  tell: (text: string) => void,
  signal: AbortSignal,
): Promise<string> {
  let text = "";
  const options = { question, preference, method: methods[curve](value), maxNewTokens: 144, signal };
  for await (const piece of generate(engine.model, options)) {
    text = piece.answer?.text ?? text + piece.text;
    tell(text);
  }
  return text;
}
