/** A study as its figure needs it. */
import type { CurveName } from "./state.js";

export type Measure = "preference" | "grammaticality" | "fluency" | "relevance";
type Interval = readonly number[];

export type StudyPoint = { readonly [M in Measure | "drift"]?: Interval } & {
  readonly value: number;
  /** For each pair the scores of its answer, its drift and its tokens; where the answer can't be given again here. */
  readonly answers?: readonly (readonly number[] | null)[];
};

export interface Study {
  readonly measures: readonly Measure[];
  readonly pairs: readonly { readonly question: string; readonly preference: string }[];
  readonly curves: { readonly [Curve in CurveName]?: readonly StudyPoint[] };
  readonly model?: string;
  readonly questions?: number;
  readonly maxNewTokens?: number;
}
