/** What training takes of an example of the corpus. */
export interface Example {
  readonly question: string;
  /** What this user likes, as a sentence; absent where nothing is asked for. */
  readonly preferenceSentence?: string;
  readonly answer: string;
}
