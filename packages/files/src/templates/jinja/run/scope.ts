import type { Value } from "../values/value.js";

/** The variables of a loop's round, a macro's call or a block, before those round it. */
export class Scope {
  private readonly around: Scope | undefined;
  private readonly values = new Map<string, Value>();

  constructor(around?: Scope) {
    this.around = around;
  }

  get(name: string): Value | undefined {
    for (let scope: Scope | undefined = this; scope; scope = scope.around) {
      const value = scope.values.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  set(name: string, value: Value): void {
    this.values.set(name, value);
  }
}
