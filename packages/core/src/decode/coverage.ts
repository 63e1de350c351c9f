/** What can be decoded where an engine gives the most probable tokens and not the whole vocabulary. */
import { CoreError } from "../errors.js";
import type { Method } from "../methods/method.js";
import { checkGiven, model as modelKind, text } from "../port/given.js";
import type { LanguageModel } from "../port/session.js";

/** @throws CoreError `not-covered` for a method that needs tokens which the model's engine does not give */
export function checkCoverage(model: LanguageModel, { name, needs = "whole" }: Method): void {
  if (model.coverage === "whole" || needs !== "whole") return;
  throw notCovered(
    model,
    `the method ${name} needs all of them, since any improbable token may win by it. Bound it (a KL budget), mask it ` +
      "(min-p), or take base or pref",
  );
}

/** @throws CoreError `not-covered` */
export function refuseUnlessWhole(model: LanguageModel, what: string): void {
  checkGiven(model, modelKind, "the model");
  checkGiven(what, text, "what is refused");
  if (model.coverage === "top") throw notCovered(model, `${what} needs all of them`);
}

export function notCovered({ name }: LanguageModel, why: string): CoreError {
  return new CoreError(
    "not-covered",
    `${name} gives the most probable tokens and not the whole vocabulary, and ${why}. An engine that gives the whole ` +
      "vocabulary has no such limit.",
  );
}
