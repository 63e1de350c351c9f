import { TemplateError } from "../template-error.js";
import type { Arguments, Value } from "../values/value.js";

export const noArguments: Arguments = { positional: [], named: new Map() };

/**
 * The values of the parameters, in their order; those that were not passed are undefined. A parameter whose name ends
 * in `/` can't be passed by its name, as with most methods of Python's texts.
 */
export function bind(
  { positional, named }: Arguments,
  callee: string,
  parameters: readonly string[],
  required = 0,
): (Value | undefined)[] {
  if (positional.length > parameters.length)
    throw new TemplateError(
      `${callee}() takes at most ${parameters.length} arguments, got ${positional.length}`,
    );
  const values: (Value | undefined)[] = parameters.map((_, index) => positional[index]);
  for (const [name, value] of named) {
    const index = parameters.indexOf(name);
    if (index < 0) throw new TemplateError(`${callee}() takes no argument '${name}'`);
    if (values[index] !== undefined) throw new TemplateError(`${callee}() got '${name}' twice`);
    values[index] = value;
  }
  const missing = parameters.findIndex((_, index) => index < required && values[index] === undefined);
  if (missing < 0) return values;
  throw new TemplateError(`${callee}() misses its argument '${parameters[missing]!.replace("/", "")}'`);
}
