/** The pieces a template's source is cut into. */
export type Token =
  | { readonly type: TokenMark; readonly line: number }
  | { readonly type: "data" | "name" | "text" | "operator"; readonly value: string; readonly line: number }
  | { readonly type: "integer" | "float"; readonly value: number; readonly line: number };

type TokenMark = "blockBegin" | "blockEnd" | "printBegin" | "printEnd" | "end";

/** A token as an error message names it. */
export function describeToken(token: Token): string {
  switch (token.type) {
    case "end":
      return "the end of the template";
    case "blockBegin":
      return "'{%'";
    case "blockEnd":
      return "'%}'";
    case "printBegin":
      return "'{{'";
    case "printEnd":
      return "'}}'";
    case "data":
      return "text";
    default:
      return `'${token.value}'`;
  }
}
