/** The paper's eight preferences, and the sentence that states one. */
export const preferenceNames = [
  "creative",
  "sycophantic",
  "verbose",
  "complex",
  "formal",
  "pleasant",
  "concise",
  "uplifting",
] as const;

export type PreferenceName = (typeof preferenceNames)[number];

/** What stands behind the question, after one space: "Your answer should be concise." */
export function preferenceSentenceOf(preference: PreferenceName): string {
  return `Your answer should be ${preference}.`;
}

/** The preference that a sentence states, or undefined if it states none of the eight. */
export function preferenceOfSentence(sentence: string): PreferenceName | undefined {
  return preferenceNames.find((name) => preferenceSentenceOf(name) === sentence);
}
