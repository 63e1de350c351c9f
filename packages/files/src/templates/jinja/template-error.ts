/**
 * Why a template can't be read or rendered: a syntax that is no Jinja, a construct that is not read, what Python would
 * raise, or a bound. `line` is counted from 1.
 */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
  line: number | undefined;

  constructor(message: string, line?: number) {
    super(message);
    this.line = line;
  }
}

/** A template's own refusal of the messages, by `raise_exception`. */
export class Refusal extends TemplateError {}

/** Something of Jinja's that a template asks for and that is not read here. */
export function notRead(construct: string, line?: number): TemplateError {
  return new TemplateError(`${construct} is not read here`, line);
}
