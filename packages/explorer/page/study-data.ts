/** The studies whose curves are drawn: of the embedded model, which answers here, and of a real one, whose scores are kept. */
import { signal } from "@preact/signals-core";
import type { CurveName } from "../src/state.js";
import study from "../src/study.json" with { type: "json" };

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

export const embeddedStudy: Study = { ...study, measures: ["preference", "grammaticality", "relevance"] };

/** Fetched when it is asked for. */
export const realStudy = signal<Study | undefined>(undefined);
let isFetched = false;

export async function fetchRealStudy(): Promise<void> {
  if (isFetched) return;
  isFetched = true;
  const response = await fetch(new URL("study/smollm2.json", document.baseURI));
  realStudy.value = { ...(await response.json()), measures: ["preference", "fluency", "relevance"] } as Study;
}
