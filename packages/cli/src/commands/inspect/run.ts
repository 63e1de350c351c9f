/** `amulet inspect`: one token under the loupe. */
import { guidanceLimit, guidanceScale, inspectPosition } from "@amulet-ts/core";
import type { Invocation } from "../../command.js";
import { withProgress } from "../../options/answering.js";
import { readParameters } from "../../options/methods.js";
import { openModel } from "../../options/model.js";
import { countTokens, describePreferences, readAsked, renderPrompts } from "../../options/prompts.js";
import { writeJson, writeLines, writeNote } from "../../terminal/output.js";
import type { InspectValues } from "./command.js";
import { formatInspection } from "./view.js";

/** Candidates beside the token that is taken. */
const alternatives = 4;

export async function run(invocation: Invocation<InspectValues>): Promise<void> {
  const { values, io } = invocation;
  const parameters = readParameters(values);
  const asked = await readAsked(invocation, "both");
  await using engine = await openModel(values, io);
  const { model, tokenizer, backend } = engine;
  const read = renderPrompts(model, asked);
  writeNote(io, read.note);
  const inspection = await inspectPosition(model, {
    ...withProgress({}, io),
    prompts: read.prompts,
    parameters,
    position: values.at ?? 0,
    alternatives,
  });
  const textOf = (id: number) => tokenizer.decode([id]);
  if (!values.json) {
    return writeLines(io, formatInspection(inspection, parameters, textOf, io));
  }
  const scale = guidanceScale(parameters);
  const { before, token, candidates, trajectory } = inspection;
  writeJson(io, {
    position: before.length,
    before: { text: tokenizer.decode(before), ids: before },
    token: { text: textOf(token.id), ...token },
    candidates: candidates.map((view) => ({ text: textOf(view.id), ...view })),
    trajectory,
    guidanceScale: scale,
    gamma: scale - 1,
    ...parameters,
    limit: guidanceLimit(parameters),
    ...describePreferences(asked),
    promptTokens: countTokens(read),
    model: model.name,
    backend: backend.name,
  });
}
