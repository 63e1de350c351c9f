import { Interpreter, type RenderSettings } from "./run/interpreter.js";
import { parseTemplate } from "./syntax/parse-template.js";
import type { Body } from "./syntax/tree.js";
import { TemplateError } from "./template-error.js";
import { toValue } from "./values/from-json.js";

/** A chat template, ready to be rendered. */
export class JinjaTemplate {
  private readonly body: Body;

  /** @throws TemplateError where the source is no Jinja, or has a tag that is not read */
  constructor(source: string) {
    this.body = withinStack(() => parseTemplate(source));
  }

  /**
   * What the template writes, as Python's Jinja does where transformers sets it up.
   *
   * @param variables by their names; their values are JSON's
   * @throws TemplateError where Python would raise, at a construct that is not read, and at the bounds
   */
  render(variables: Readonly<Record<string, unknown>>, settings: RenderSettings): string {
    const given = Object.entries(variables).filter(([, value]) => value !== undefined);
    const interpreter = withinStack(
      () =>
        new Interpreter(
          given.map(([name, value]) => [name, toValue(value)]),
          settings,
        ),
    );
    return interpreter.render(this.body);
  }
}

function withinStack<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof RangeError) throw new TemplateError("it nests too deeply");
    throw cause;
  }
}
