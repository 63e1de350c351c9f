/** `amulet inspect`: one token under the loupe. */
import { guidanceLimit, guidanceScale } from "@amulet-ts/core";
import { withProgress } from "../answer-options.js";
import type { Invocation } from "../command.js";
import { inspectPosition } from "../inspect-position.js";
import { formatInspection } from "../inspect-view.js";
import { readParameters } from "../methods.js";
import { openModel } from "../open-model.js";
import { writeJson, writeLines, writeNote } from "../output.js";
import { countTokens, describePreferences, readAsked, renderPrompts } from "../prompts.js";
import { printable } from "../terminal/printable.js";

/** Candidates beside the token that is taken. */
const alternatives = 4;

export async function run(invocation: Invocation): Promise<void> {
  const { values, io } = invocation;
  const parameters = readParameters(values);
  const asked = await readAsked(invocation, "both");
  const { model: opened, backend } = await openModel(values, io);
  using model = opened;
  const read = renderPrompts(model, asked);
  writeNote(io, read.note);
  const inspection = await inspectPosition(model, {
    ...withProgress({}, io),
    prompts: read.prompts,
    parameters,
    position: values.at ?? 0,
    alternatives,
  });
  const textOf = (id: number) => model.tokenizer.decode([id]);
  if (!values.json) {
    return writeLines(
      io,
      formatInspection(inspection, parameters, (id) => printable(textOf(id)), io),
    );
  }
  const scale = guidanceScale(parameters);
  const { before, token, candidates, trajectory } = inspection;
  writeJson(io, {
    position: before.length,
    before: { text: model.tokenizer.decode(before), ids: before },
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
