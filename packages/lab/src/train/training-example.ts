import type { Example } from "../world/example.js";

/** What training takes of an example of the corpus. */
export type TrainingExample = Pick<Example, "question" | "preferenceSentence" | "answer">;
