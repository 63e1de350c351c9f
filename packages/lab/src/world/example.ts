import type { PreferenceName } from "./preferences.js";

/** A question, what was wished for (or nothing), and an answer that follows the wish in part. */
export interface Example {
  readonly question: string;
  readonly preference?: PreferenceName;
  /** The wish in words, to stand behind the question after one space; there exactly when `preference` is. */
  readonly preferenceSentence?: string;
  readonly answer: string;
}

/** Disjoint by question and preference together: no pair of one split occurs in another. */
export type Split = "train" | "validation" | "held-out";

/** A question that is never asked with this preference in training or validation. */
export interface QuestionPair {
  readonly question: string;
  readonly preference: PreferenceName;
}
