/** What trying a law on a subject came to. */
import type { Judgement } from "./judgement.js";

/** What came out. */
export interface LawReport {
  readonly law: string;
  readonly subject: string;
  /** Interrupted: held as far as it was tried. */
  readonly outcome: "held" | "broken" | "skipped" | "interrupted";
  /** Cases tried, not counting those of shrinking. */
  readonly runs: number;
  /** The case nearest to, or furthest past, its tolerance. */
  readonly worst?: Judgement;
  /** The smallest case that breaks the law. */
  readonly counterexample?: Counterexample;
  /** Operations that the subject lacks. */
  readonly missing?: readonly string[];
}

/** A case that breaks a law, as text to read and with the numbers. */
export interface Counterexample {
  readonly example: string;
  /** The same seed and path come to this case again at once. */
  readonly seed: number;
  readonly path: string;
  readonly judgement?: Judgement;
  /** Set when the subject threw. */
  readonly thrown?: string;
}
