/** The scores of the small language alone, without the trainer: for a page. */
export { isKnownQuestion, type Judgement, judgeAnswer, preferenceNamed } from "./judge.js";
export { type Score, score } from "./score.js";
