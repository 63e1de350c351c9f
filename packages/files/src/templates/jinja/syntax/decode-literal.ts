import { notRead, TemplateError } from "../template-error.js";

const escapePattern = /\\(?:([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([\s\S]))/g;
const singleEscapes: Readonly<Record<string, string>> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** A text between quotes with Python's escapes read; a backslash before anything else stays. */
export function decodeLiteral(quoted: string, line: number): string {
  return quoted.replace(escapePattern, (whole, octal, byte, short, long, single) => {
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    const code = byte ?? short ?? long;
    if (code !== undefined) return fromCode(Number.parseInt(code, 16), line);
    if (single === "N") throw notRead("the escape \\N{…}", line);
    if ("xuU".includes(single)) throw new TemplateError(`the escape \\${single} is cut short`, line);
    return singleEscapes[single] ?? whole;
  });
}

function fromCode(code: number, line: number): string {
  if (code > 0x10ffff) throw new TemplateError("an escape names no character of Unicode", line);
  return String.fromCodePoint(code);
}
