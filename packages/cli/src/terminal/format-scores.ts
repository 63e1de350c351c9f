import type { Judgement } from "@amulet-ts/lab";

/** The lab's scores of an answer in a few words each; a question that the lab doesn't know has no topic to be on. */
export function formatScores({ grammaticality, relevance, preference }: Judgement): string[] {
  return [
    `grammatical ${grammaticality.toFixed(2)}`,
    ...(relevance === undefined ? [] : [`on topic ${relevance.toFixed(2)}`]),
    ...(preference ? [`${preference.name} ${preference.strength.toFixed(2)}`] : []),
  ];
}
