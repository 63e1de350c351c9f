import type { Arguments, Value } from "../values/value.js";
import type { Budget } from "./budget.js";

/** What a rendering carries along. */
export interface Runtime {
  readonly budget: Budget;
  /** What `strftime_now` writes. */
  readonly now: Date;
  /** Private-use characters that stand for printable ones; see protect-messages.ts. */
  readonly standIns: ReadonlySet<string>;
  /** `value.name` and `value[key]`. */
  attribute(value: Value, name: string): Value;
  item(value: Value, key: Value): Value;
  filter(name: string, value: Value, args: Arguments): Value;
  test(name: string, value: Value, args: Arguments): boolean;
}

/** A filter, a test's function or a method: the value it works on, then what is passed to it. */
export type Operation<Subject = Value, Result = Value> = (
  runtime: Runtime,
  subject: Subject,
  args: Arguments,
) => Result;
