/** `amulet eval merge`: joins the folders in which machines worked on shares of one run. */
import { mergeRuns } from "@amulet-ts/eval";
import type { Invocation } from "../../command.js";
import { usageError } from "../../errors.js";
import { formatCount, writeJson, writeLines } from "../../terminal/output.js";
import type { ActionValues } from "./command.js";

export async function run({ values, words, io }: Invocation<ActionValues<"merge">>): Promise<void> {
  const { out, incomplete = false, json } = values;
  if (words.length === 0)
    throw usageError("Which folders shall be joined? Name each: amulet eval merge FOLDER…");
  if (out === undefined) throw usageError("Where shall the joined run go? Name a folder: --out FOLDER.");
  const result = await mergeRuns(words, out, !incomplete);
  if (json) return writeJson(io, { folder: out, ...result });
  const { answers, missing, double } = result;
  writeLines(io, [
    [
      `${formatCount(answers, "answer")} in ${out}`,
      ...(missing > 0 ? [`${missing} missing`] : []),
      ...(double > 0 ? [`${double} were there twice, alike`] : []),
    ].join(" · "),
  ]);
}
