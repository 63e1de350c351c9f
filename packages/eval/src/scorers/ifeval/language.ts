/** Which of IFEval's thirty languages a text is in, by its trigrams. */
import { franc } from "franc";

/** ISO 639-1, which IFEval's rows have, to ISO 639-3, which the detector has. */
const languages = {
  en: "eng",
  es: "spa",
  pt: "por",
  ar: "arb",
  hi: "hin",
  fr: "fra",
  ru: "rus",
  de: "deu",
  ja: "jpn",
  it: "ita",
  bn: "ben",
  uk: "ukr",
  th: "tha",
  ur: "urd",
  ta: "tam",
  te: "tel",
  bg: "bul",
  ko: "kor",
  pl: "pol",
  he: "heb",
  fa: "pes",
  vi: "vie",
  ne: "npi",
  sw: "swh",
  kn: "kan",
  mr: "mar",
  gu: "guj",
  pa: "pan",
  ml: "mal",
  fi: "fin",
} as const;

export type IfevalLanguage = keyof typeof languages;
export const ifevalLanguages = Object.keys(languages) as IfevalLanguage[];

const codes = Object.values(languages);

/**
 * Whether a text is in a language rather than in one of the other 29. A text without letters is in every language, as
 * it is to the published checker.
 */
export function isInLanguage(text: string, language: IfevalLanguage): boolean {
  if (!/\p{L}/u.test(text)) return true;
  return franc(text.toLowerCase(), { only: codes, minLength: 1 }) === languages[language];
}
