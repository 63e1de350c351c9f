/** What the world knows about a topic. */
export interface Topic {
  /** As it stands after "about": "tea", "riding a bicycle". */
  readonly name: string;
  /** The question that is asked of this topic alone. */
  readonly question: string;
  /** Whole sentences without capital and full stop; the first is told most often. */
  readonly statements: readonly [string, string, string, string];
  /** What to do, as it stands after "You can". */
  readonly tips: readonly [string, string, string];
}

/** Shortens the lists of topics: name, question, four statements, three tips. */
export function topic(
  name: string,
  question: string,
  statements: Topic["statements"],
  tips: Topic["tips"],
): Topic {
  return { name, question, statements, tips };
}
