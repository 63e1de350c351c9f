/** Which of five languages a text is in, by the words that every text has and no other of the five. */
import { wordsOf } from "./text-parts.js";

const functionWords = {
  english: "the and of to is that it for with was are this be by not have from which you they",
  german: "der die das und ist nicht ein eine zu mit auf für sie werden auch dem den von sich wird",
  french: "le les des et est une pour que dans qui pas vous avec sur sont au du ce plus aux",
  spanish: "el los las y es una para que en con por como su del no más se lo al están",
  italian: "il gli della e è una per che di con non sono come del nel alla più dei anche si",
} as const;

export type Language = keyof typeof functionWords;

const languages = Object.entries(functionWords).map(([language, words]) => ({
  language: language as Language,
  words: new Set(words.split(" ")),
}));

/** A word that several languages have counts for each of them. 0 for a text without any such word. */
export function languageShare(text: string, wanted: Language): number {
  const words = wordsOf(text.toLowerCase());
  const counts = languages.map((one) => words.filter((word) => one.words.has(word)).length);
  const all = counts.reduce((sum, count) => sum + count, 0);
  const own = counts[languages.findIndex(({ language }) => language === wanted)]!;
  return all === 0 ? 0 : own / all;
}
