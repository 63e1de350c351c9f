/** A study as its figure needs it, and what was answered in it. */
import type { CurveName } from "./state.js";

export type Measure = "preference" | "grammaticality" | "fluency" | "relevance" | "words";
type Interval = readonly number[];

export type StudyPoint = { readonly [M in Measure | "drift"]?: Interval } & {
  readonly value: number;
  /** Its answers' name, where they are kept. */
  readonly setting?: string;
};

export interface Pair {
  readonly question: string;
  readonly preference: string;
}

export interface Study {
  readonly measures: readonly Measure[];
  readonly curves: { readonly [Curve in CurveName]?: readonly StudyPoint[] };
  readonly model?: string;
  readonly questions?: number;
  readonly maxNewTokens?: number;
}

/** A text, its scores in the order of the study's measures, its drift in nats a token, its tokens, and whether it was cut. */
export type KeptAnswer = readonly [
  text: string,
  scores: readonly number[],
  drift: number,
  tokens: number,
  isCut: boolean,
];

/** All that a model said in a study: for each setting an answer to each pair. */
export interface KeptAnswers {
  readonly pairs: readonly Pair[];
  readonly settings: Readonly<Record<string, readonly KeptAnswer[]>>;
}

/** @returns the number of the pair of that question and preference, else of the question's first */
export function findPair(pairs: readonly Pair[], { question, preference }: Pair): number {
  const both = pairs.findIndex((pair) => pair.question === question && pair.preference === preference);
  return both >= 0 ? both : pairs.findIndex((pair) => pair.question === question);
}

export function questionsOf(pairs: readonly Pair[]): string[] {
  return [...new Set(pairs.map(({ question }) => question))];
}
