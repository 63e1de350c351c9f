import { whiteSpace } from "../syntax/characters.js";

/** Python's `str.is…` that ask the same of every character; all but `isascii` are false of an empty text. */
export const textKinds: Readonly<Record<string, (text: string) => boolean>> = {
  isalpha: all("\\p{L}"),
  isalnum: all("\\p{L}\\p{N}"),
  isdecimal: all("\\p{Nd}"),
  isdigit: all("\\p{Nd}²³¹⁰⁴-⁹₀-₉"),
  isnumeric: all("\\p{N}"),
  isspace: all(whiteSpace),
  isascii: (text) => !/\P{ASCII}/u.test(text),
  isprintable: (text) => !/(?! )[\p{C}\p{Z}]/u.test(text),
  isidentifier: (text) => /^[\p{ID_Start}_]\p{ID_Continue}*$/u.test(text),
};

function all(characters: string): (text: string) => boolean {
  const pattern = new RegExp(`^[${characters}]+$`, "u");
  return (text) => pattern.test(text);
}
